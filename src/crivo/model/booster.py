"""The boosted forest: LightGBM with the settings that matter below one percent of frauds."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np
import numpy.typing as npt

from crivo.model.baselines import Ranker
from crivo.model.resample import Resampling, resample

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoosterOptions:
    """How the forest is grown. The defaults were chosen on weeks before the reported ones."""

    trees: int = 300
    leaves: int = 16
    learning_rate: float = 0.05
    bins_max: int = 1_023
    hessian_min: float = 1.0
    rows_leaf_min: int = 20
    feature_share: float = 0.7
    penalty: float = 1.0
    resampling: Resampling = Resampling.NONE
    seed: int = 0
    threads: int = 2


def fit_booster(
    vectors: Float64s, labels: Bools, weights: Float64s, options: BoosterOptions
) -> tuple[lightgbm.Booster, float]:
    """A forest of `vectors` float64[n, F], and the offset of its margin; equal input, equal trees.

    The offset undoes what resampling did to the prior, and is 0 without it. Below 1 % prevalence
    three settings decide: the first margin is that of 0.5 (from the prior, the first trees see
    hessians near zero), bins are fine, and a leaf needs a hessian of 1.
    """
    fitted = resample(options.resampling, vectors, labels, weights, seed=options.seed)
    data = lightgbm.Dataset(
        fitted.vectors,
        label=fitted.labels.astype(np.float64),
        weight=fitted.weights,
        params={"max_bin": options.bins_max, "feature_pre_filter": False, "verbosity": -1},
        free_raw_data=True,
    )
    parameters = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": options.learning_rate,
        "num_leaves": options.leaves,
        "max_bin": options.bins_max,
        "min_sum_hessian_in_leaf": options.hessian_min,
        "min_data_in_leaf": options.rows_leaf_min,
        "feature_fraction": options.feature_share,
        "lambda_l2": options.penalty,
        "feature_pre_filter": False,
        "deterministic": True,
        # A feature's histogram is one thread's: the same trees as by rows, in less time.
        "force_col_wise": True,
        "num_threads": options.threads,
        "seed": options.seed,
        "verbosity": -1,
    }
    return lightgbm.train(parameters, data, num_boost_round=options.trees), fitted.offset


def boosted(vectors: Float64s, labels: Bools, weights: Float64s, options: BoosterOptions) -> Ranker:
    """The margins of a forest fitted on these rows, at their own prior."""
    booster, offset = fit_booster(vectors, labels, weights, options)

    def margins(asked: Float64s) -> Float64s:
        raw = booster.predict(asked, raw_score=True, num_threads=options.threads)
        return np.asarray(raw, np.float64) + offset

    return margins

"""Training: a boosted forest as champion, beside a logistic and a one-feature baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import lightgbm
import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crivo.domain.errors import Code, Unfit
from crivo.model.artifact import MARGIN_BITS, SCORE_ONE, Artifact, ArtifactKind
from crivo.model.calibrate import fit_platt, tabulate
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric, average_precision, evaluate
from crivo.model.forest import forest_of
from crivo.model.scorer import Scorer
from crivo.model.split import Split, SplitOptions, split_by_time

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

CHAMPION: Final = "lightgbm"
LOGISTIC: Final = "logistic"

#: Nobody ranks fraud this well below 1 % prevalence without having seen the answer.
LEAK_PREVALENCE_MAX: Final = 0.01
LEAK_CHAMPION_AP: Final = 0.97
LEAK_FEATURE_AP: Final = 0.9
#: Fitting the baseline on more rows changes nothing that anybody reads.
LOGISTIC_ROWS_MAX: Final = 300_000


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What training may be told. The defaults were chosen on weeks before the reported ones.

    `leak_accepted_by` names who looked at a suspected leak and found none.
    """

    trees: int = 300
    leaves: int = 16
    learning_rate: float = 0.05
    bins_max: int = 1_023
    hessian_min: float = 1.0
    rows_leaf_min: int = 20
    feature_share: float = 0.7
    penalty: float = 1.0
    seed: int = 0
    threads: int = 2
    resamples: int = 200
    leak_accepted_by: str = ""


@dataclass(frozen=True, slots=True)
class Trained:
    """The artifact, where the data was split, and the metrics of every model on the test rows."""

    artifact: Artifact
    split: Split
    metrics: Mapping[str, tuple[Metric, ...]]


def train(
    dataset: Dataset,
    *,
    kind: ArtifactKind,
    split_options: SplitOptions,
    options: TrainOptions,
) -> Trained:
    """A calibrated artifact, fitted on the past, calibrated on later rows, judged on the last.

    The figures are those of the artifact's own integer scores. Equal data and options give equal
    bytes.

    Raises:
        Refused: DATA_TOO_SMALL.
        Unfit: LEAK_SUSPECTED, unless `leak_accepted_by` says who looked; GATE_FAILED where the
            margins cannot be calibrated.
    """
    split = split_by_time(dataset, split_options)
    rows, held, test = split.train(dataset), split.calibration(dataset), split.test(dataset)
    labels = dataset.labels(split.calibration_start)[rows]
    vectors, weights = dataset.vectors[rows], dataset.weights[rows]
    judged = dataset.labels()[test], dataset.weights[test]
    single = _one_feature(vectors, labels, weights, dataset.vectors[test])
    _alarm(
        f"the feature {dataset.names[single[0]]} alone",
        single[1],
        *judged,
        limit=LEAK_FEATURE_AP,
        options=options,
    )
    booster = fit_booster(vectors, labels, weights, options)
    forest = forest_of(booster)
    identity: dict[str, Any] = {
        "kind": kind,
        "input_names": dataset.names,
        "set_hash": dataset.set_hash,
        "plan_hash": dataset.plan_hash,
        "forest": forest,
    }
    # Margins need no calibration; the scores of this first draft are not read.
    flat = tabulate(1.0, 0.0, np.zeros(1, np.int64))
    draft = Artifact(**identity, calibration=flat, metadata={})
    margins, _ = Scorer(draft).score(dataset.vectors[held], plan_hash=dataset.plan_hash)
    slope, intercept = fit_platt(
        margins / float(1 << MARGIN_BITS), dataset.labels()[held], dataset.weights[held]
    )
    calibration = tabulate(slope, intercept, margins)
    draft = Artifact(**identity, calibration=calibration, metadata={})
    _, scores = Scorer(draft).score(dataset.vectors[test], plan_hash=dataset.plan_hash)
    _alarm("the model", scores, *judged, limit=LEAK_CHAMPION_AP, options=options)
    logistic = _logistic(vectors, labels, weights, dataset.vectors[test], options)
    contenders: dict[str, tuple[npt.NDArray[Any], Float64s | None]] = {
        CHAMPION: (scores, scores / SCORE_ONE),
        LOGISTIC: (logistic, logistic),
        f"only {dataset.names[single[0]]}": (single[1], None),
    }
    metrics = {
        name: evaluate(
            ranking, *judged, chances=chances, resamples=options.resamples, seed=options.seed
        )
        for name, (ranking, chances) in contenders.items()
    }
    metadata = _metadata(dataset, split, options, metrics, (slope, intercept))
    artifact = Artifact(**identity, calibration=calibration, metadata=metadata)
    return Trained(artifact=artifact, split=split, metrics=metrics)


def fit_booster(
    vectors: Float64s, labels: Bools, weights: Float64s, options: TrainOptions
) -> lightgbm.Booster:
    """A forest of `vectors` float64[n, F]; equal input gives equal trees.

    Below 1 % prevalence three settings decide: the first margin is that of 0.5 (from the prior, the
    first trees see hessians near zero), bins are fine, and a leaf needs a hessian of 1.
    """
    data = lightgbm.Dataset(
        vectors,
        label=labels.astype(np.float64),
        weight=weights,
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
        "force_row_wise": True,
        "num_threads": options.threads,
        "seed": options.seed,
        "verbosity": -1,
    }
    return lightgbm.train(parameters, data, num_boost_round=options.trees)


def _logistic(
    vectors: Float64s, labels: Bools, weights: Float64s, test: Float64s, options: TrainOptions
) -> Float64s:
    """Probabilities of `test` by a logistic regression: standardised, nulls with an indicator."""
    if len(vectors) > LOGISTIC_ROWS_MAX:
        generator = np.random.default_rng(options.seed)
        some = np.sort(generator.choice(len(vectors), LOGISTIC_ROWS_MAX, replace=False))
        vectors, labels, weights = vectors[some], labels[some], weights[some]
    model = make_pipeline(
        SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1_000, C=1.0),
    )
    model.fit(vectors, labels, logisticregression__sample_weight=weights)
    chances: Float64s = model.predict_proba(test)[:, 1]
    return chances


def _one_feature(
    vectors: Float64s, labels: Bools, weights: Float64s, test: Float64s
) -> tuple[int, Float64s]:
    """The feature that ranks the training rows best alone (its index), and its ranks of `test`."""
    best, best_sign, best_precision = 0, 1.0, -1.0
    for index in range(vectors.shape[1]):
        for sign in (1.0, -1.0):
            ranking = _nulls_last(sign * vectors[:, index])
            precision = average_precision(ranking, labels, weights)
            if precision > best_precision:
                best, best_sign, best_precision = index, sign, precision
    return best, _nulls_last(best_sign * test[:, best])


def _nulls_last(values: Float64s) -> Float64s:
    return np.nan_to_num(values, nan=-np.inf)


def _alarm(
    who: str,
    ranking: npt.NDArray[Any],
    labels: Bools,
    weights: Float64s,
    *,
    limit: float,
    options: TrainOptions,
) -> None:
    prevalence = float(weights[labels].sum() / weights.sum())
    found = average_precision(ranking, labels, weights)
    if prevalence >= LEAK_PREVALENCE_MAX or found <= limit or options.leak_accepted_by:
        return
    raise Unfit(
        Code.LEAK_SUSPECTED,
        f"{who} ranks the test rows as if it had seen the labels",
        hint="Look for a column that is written after the fact; if there is none, say who looked.",
        field="average_precision",
        expected=f"at most {limit} at a prevalence of {prevalence:.4f}",
        found=round(found, 4),
    )


def _metadata(
    dataset: Dataset,
    split: Split,
    options: TrainOptions,
    metrics: Mapping[str, tuple[Metric, ...]],
    platt: tuple[float, float],
) -> dict[str, Any]:
    return {
        "learner": CHAMPION,
        "data": {
            "hash": dataset.hash,
            "rows": len(dataset),
            "left_out": dict(dataset.left_out),
            "log_cut": dataset.cut,
            "labels_as_of": dataset.labels_as_of,
            "label_delay": dataset.label_delay,
        },
        "split": split.as_json(),
        "options": asdict(options),
        "platt": {"slope": platt[0], "intercept": platt[1]},
        "metrics": {name: _plain(found) for name, found in metrics.items()},
        "versions": {
            "lightgbm": lightgbm.__version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def _plain(metrics: tuple[Metric, ...]) -> dict[str, list[float | None]]:
    """Value, low and high of each metric; JSON has no NaN, so what is undefined is null."""
    return {
        metric.name: [
            float(x) if np.isfinite(x) else None for x in (metric.value, metric.low, metric.high)
        ]
        for metric in metrics
    }

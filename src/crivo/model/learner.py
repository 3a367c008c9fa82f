"""What is fitted: a boosted forest or a logistic regression, each as margins and as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from crivo.model.artifact import Forest
from crivo.model.booster import BoosterOptions, fit_booster
from crivo.model.forest import forest_of
from crivo.model.linear import Linear
from crivo.model.logistic import fit_logistic, linear_of
from crivo.model.resample import resample

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]


class Method(StrEnum):
    """How a model that may serve is learnt."""

    FOREST = "forest"
    LOGISTIC = "logistic"

    @property
    def row(self) -> str:
        """What tables of metrics call it."""
        return "lightgbm" if self is Method.FOREST else "logistic"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt: raw margins of vectors float64[n, F], and the same as arrays.

    `offset` undoes in a margin what resampling did to the prior; 0 without it.
    """

    margins: Callable[[Float64s], Float64s]
    body: Callable[[], Forest | Linear]
    offset: float


def fit(
    method: Method, vectors: Float64s, labels: Bools, weights: Float64s, options: BoosterOptions
) -> Fitted:
    """A model of `vectors` float64[n, F]; equal input, equal model.

    Of the options a regression takes the resampling and the seed.
    """
    match method:
        case Method.FOREST:
            booster, offset = fit_booster(vectors, labels, weights, options)

            def margins(asked: Float64s) -> Float64s:
                raw = booster.predict(asked, raw_score=True, num_threads=options.threads)
                return np.asarray(raw, np.float64)

            return Fitted(margins, lambda: forest_of(booster), offset)
        case Method.LOGISTIC:
            given = resample(options.resampling, vectors, labels, weights, seed=options.seed)
            found = fit_logistic(given.vectors, given.labels, given.weights, seed=options.seed)
            return Fitted(found.margins, lambda: linear_of(found), given.offset)

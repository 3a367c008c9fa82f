"""What every model must be better than: a logistic regression, and the best single feature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from crivo.model.evaluate import average_precision
from crivo.model.logistic import fit_logistic

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

#: Ranks vectors float64[n, F] by risk: float64[n], greater is riskier.
Ranker = Callable[[Float64s], Float64s]
#: Makes a ranker of vectors float64[n, F], labels bool[n] and weights float64[n].
Learner = Callable[[Float64s, Bools, Float64s], Ranker]


def logistic(vectors: Float64s, labels: Bools, weights: Float64s, *, seed: int = 0) -> Ranker:
    """Probabilities by a logistic regression."""
    return fit_logistic(vectors, labels, weights, seed=seed).chances


def best_feature(vectors: Float64s, labels: Bools, weights: Float64s) -> tuple[int, Ranker]:
    """The feature that ranks these rows best alone (its index), up or down, and its ranking."""
    best, best_sign, best_precision = 0, 1.0, -1.0
    for index in range(vectors.shape[1]):
        column = vectors[:, index]
        for sign in (1.0, -1.0):
            precision = average_precision(_nulls_last(sign * column), labels, weights)
            if precision > best_precision:
                best, best_sign, best_precision = index, sign, precision
    return best, lambda asked: _nulls_last(best_sign * asked[:, best])


def _nulls_last(values: Float64s) -> Float64s:
    return np.nan_to_num(values, nan=-np.inf)

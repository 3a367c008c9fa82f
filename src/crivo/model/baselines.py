"""What every model must be better than: a logistic regression, and the best single feature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from crivo.model.evaluate import precision_of_runs
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
        precisions = both_ways(vectors[:, index], labels, weights)
        for sign, precision in zip((1.0, -1.0), precisions, strict=True):
            if precision > best_precision:
                best, best_sign, best_precision = index, sign, precision
    return best, lambda asked: _nulls_last(best_sign * asked[:, best])


def both_ways(column: Float64s, labels: Bools, weights: Float64s) -> tuple[float, float]:
    """The average precision of a ranking by this column, falling and rising, nulls last; it is
    sorted once.
    """
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    # Where each run of one value ends, nulls being one of them and the last.
    is_end = np.append(ordered[1:] != ordered[:-1], True)
    nulls = int(np.isnan(column).sum())
    if nulls:
        is_end[len(column) - nulls :] = False
        is_end[-1] = True
    ends = np.flatnonzero(is_end)
    true, every = (
        np.diff(np.cumsum(each)[ends], prepend=0.0)
        for each in ((weights * labels)[order], weights[order])
    )
    values = len(ends) - bool(nulls)
    up = np.arange(len(ends))
    down = np.concatenate([up[:values][::-1], up[values:]])
    found = [precision_of_runs(np.cumsum(true[way]), np.cumsum(every[way])) for way in (down, up)]
    return found[0], found[1]


def _nulls_last(values: Float64s) -> Float64s:
    return np.nan_to_num(values, nan=-np.inf)

"""One input alone: how well any of them tells fraud without the others, in whatever way it does.

A column that was written after the fact need not rise with the risk: it may be missing where there
was no fraud, or hold one value in the middle of its range. So each input ranks in four ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from crivo.model.evaluate import average_precision

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]
#: Vectors float64[n, F], labels bool[n], weights float64[n].
Rows = tuple[Float64s, Bools, Float64s]

#: Of more rows that are no fraud so many are drawn, weighted: a leak shows on fewer.
OTHERS_MAX: Final = 20_000
_LEAVES: Final = 8
_LEAF_ROWS_MIN: Final = 5


class Way(StrEnum):
    """How an input ranks: `PARTS` by the leaves of a small tree that was fitted on it alone."""

    RISING = "rising"
    FALLING = "falling"
    MISSING = "missing"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class Alone:
    """The input (its index) that ranks best alone, in which way, and its average precision."""

    index: int
    way: Way
    average_precision: float


def most_telling(judge: Rows, learn: Rows | None = None, *, seed: int = 0) -> Alone:
    """The input that ranks the rows of `judge` best alone; NaN is its precision without a fraud.

    All ways but the tree's learn nothing. The tree is fitted on the rows of `learn`, which `judge`
    has none of, and left out where there are none.
    """
    judge = _drawn(*judge, seed=seed)
    taught = None if learn is None else _drawn(*learn, seed=seed)
    best = Alone(0, Way.RISING, math.nan)
    for index in range(judge[0].shape[1]):
        for way, ranking in _rankings(index, judge[0], taught, seed):
            precision = average_precision(ranking, judge[1], judge[2])
            if math.isnan(best.average_precision) or precision > best.average_precision:
                best = Alone(index, way, precision)
    return best


def _rankings(
    index: int, vectors: Float64s, taught: Rows | None, seed: int
) -> list[tuple[Way, Float64s]]:
    column = vectors[:, index]
    missing = np.isnan(column)
    found = [
        (Way.RISING, np.where(missing, -np.inf, column)),
        (Way.FALLING, np.where(missing, -np.inf, -column)),
        (Way.MISSING, missing.astype(np.float64)),
    ]
    if taught is None or not taught[1].any() or taught[1].all():
        return found
    own, labels, weights = taught
    values = np.unique(own[~np.isnan(own[:, index]), index])
    tree = DecisionTreeClassifier(
        max_leaf_nodes=_LEAVES, min_samples_leaf=_LEAF_ROWS_MIN, random_state=seed
    )
    tree.fit(_places(own[:, index], values), labels, sample_weight=weights)
    chances = tree.predict_proba(_places(column, values))[:, 1]
    return [*found, (Way.PARTS, chances)]


def _places(column: Float64s, values: Float64s) -> Float64s:
    """float64[n, 1]: where each lies among rising values, odd at one of them; a null stays one.

    The library splits numbers of 32 bits, in which great ones that differ are the same.
    """
    places = (np.searchsorted(values, column) + np.searchsorted(values, column, "right")).astype(
        np.float64
    )
    places[np.isnan(column)] = np.nan
    return places.reshape(-1, 1)


def _drawn(vectors: Float64s, labels: Bools, weights: Float64s, *, seed: int) -> Rows:
    """All frauds, and at most so many other rows, which then count for those that are left out."""
    others = np.flatnonzero(~labels)
    if len(others) <= OTHERS_MAX:
        return vectors, labels, weights
    drawn = np.random.default_rng(seed).choice(others, OTHERS_MAX, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(labels), drawn]))
    raised = np.where(labels[kept], 1.0, len(others) / OTHERS_MAX)
    return vectors[kept], labels[kept], weights[kept] * raised

"""What each input adds to a margin: Shapley values of a forest, exact, in a time linear in it.

The game is that of path-dependent TreeSHAP (Lundberg et al., 2020): at a split on an input that a
coalition lacks, a tree goes both ways by the rows that went there in training. To a leaf of value v
each input i of its path brings a factor: if it is in the coalition o (1 where the row agrees with
every split on i, else 0), and if not z, the part of the training rows that agreed. The multilinear
extension of that game is v · Π (t·o + (1 − t)·z), so that (Owen, 1972)

    phi_i = ∫ v · (o_i − z_i) · Π_{j ≠ i} (t·o_j + (1 − t)·z_j) dt    over t from 0 to 1,

a polynomial that a Gauss-Legendre rule of enough points integrates exactly. Products are carried
down a tree and sums up it, point by point; a split on an input that was split on above takes the
place of that one's factor (as in Linear TreeSHAP: Yu et al., 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crivo.model.artifact import LEAF, Forest

Float64s = npt.NDArray[np.float64]
#: Without a sign: no index is taken to count from the end.
Places = npt.NDArray[np.uint32]
Array = npt.NDArray[Any]

#: No former split on the input.
NONE: Final = 2**32 - 1
#: Points that are worked at together: a number that the compiler knows.
LANES: Final = 8
_DIGITS: Final = 50
_NEWTON_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Paths:
    """The nodes of a forest, tree by tree, parents first, as contributions read them.

    Of each node: its `parent` in the tree, the parent's `split` input and `threshold`, `sides` (1
    for a left child, and 2 more where a null goes left), `above` (the node of the path that came
    from the former split on that input, or NONE) and `share`, the part of the training rows that
    agreed with all splits on it. `values` (float64) are a leaf's margin in 2^-40, 0 elsewhere. Tree
    t has the nodes from `starts[t]` on. The rule has `points` and `weights`, float64[B, 8], B
    blocks of eight. `gains` (float64[B, N + T, 8]) is (1 − z) / (t + (1 − t)·z), what a split gives
    a row that agrees; after each tree's stands −1 / (1 − t), what any gives one that does not.
    """

    parent: Places
    split: Places
    threshold: Float64s
    sides: npt.NDArray[np.uint8]
    above: Places
    share: Float64s
    values: Float64s
    starts: npt.NDArray[np.int32]
    points: Float64s
    weights: Float64s
    gains: Float64s


def paths(forest: Forest) -> Paths:
    """The forest as contributions read it, with a rule that is exact for its longest path."""
    rows: list[tuple[int, int, float, int, int, float, float]] = []
    starts, longest = [0], 1
    for root in forest.roots.tolist():
        longest = max(longest, _append(forest, root, rows))
        starts.append(len(rows))
    columns = list(zip(*rows, strict=True))
    # Whole blocks: more points than it takes are as exact.
    points, weights = gauss_legendre(-(-(longest + 1) // (2 * LANES)) * LANES)
    share = np.array(columns[5], np.float64)[:, None]
    gains = (1.0 - share) / (points + (1.0 - points) * share)
    gains = np.insert(gains, starts[1:], -1.0 / (1.0 - points), axis=0)
    return Paths(
        parent=np.array(columns[0], np.uint32),
        split=np.array(columns[1], np.uint32),
        threshold=np.array(columns[2], np.float64),
        sides=np.array(columns[3], np.uint8),
        above=np.array(columns[4], np.uint32),
        share=np.array(columns[5], np.float64),
        values=np.array(columns[6], np.float64),
        starts=np.array(starts, np.int32),
        points=points.reshape(-1, LANES),
        weights=weights.reshape(-1, LANES),
        gains=np.ascontiguousarray(gains.reshape(len(gains), -1, LANES).transpose(1, 0, 2)),
    )


def _append(
    forest: Forest, root: int, rows: list[tuple[int, int, float, int, int, float, float]]
) -> int:
    """Adds a tree's nodes; how many inputs its longest path names."""
    first, longest = len(rows), 1
    # Node, place of its parent, whether it is a left child, last place of each input of the path.
    way: list[tuple[int, int, bool, dict[int, int]]] = [(root, -1, False, {})]
    parents = {-1: -1}
    while way:
        node, parent, is_left, last = way.pop()
        place = len(rows) - first
        value = float(forest.value[node]) if forest.feature[node] == LEAF else 0.0
        if parent < 0:
            rows.append((0, 0, 0.0, 0, NONE, 1.0, value))
        else:
            over = parents[parent]
            split = int(forest.feature[over])
            above = last.get(split, NONE)
            share = float(forest.cover[node]) / float(forest.cover[over])
            if above != NONE:
                share *= rows[first + above][5]
            sides = int(is_left) + 2 * int(forest.null_left[over])
            threshold = float(forest.threshold[over])
            rows.append((parent, split, threshold, sides, above, share, value))
            last = {**last, split: place}
        longest = max(longest, len(last))
        if forest.feature[node] != LEAF:
            parents[place] = node
            way += [
                (int(forest.right[node]), place, False, last),
                (int(forest.left[node]), place, True, last),
            ]
    return longest


@lru_cache(maxsize=32)
def gauss_legendre(count: int) -> tuple[Float64s, Float64s]:
    """Points and weights on [0, 1], exact for polynomials of degree 2 · count − 1.

    By Newton's method in decimals, so that every machine rounds the same numbers.
    """
    points, weights = [], []
    with localcontext() as context:
        context.prec = _DIGITS
        for number in range(count):
            x = Decimal(math.cos(math.pi * (number + 0.75) / (count + 0.5)))
            for _ in range(_NEWTON_STEPS):
                value, slope = _legendre(count, x)
                x -= value / slope
            slope = _legendre(count, x)[1]
            points.append(float((1 + x) / 2))
            weights.append(float(1 / ((1 - x * x) * slope * slope)))
    return np.array(points), np.array(weights)


def _legendre(degree: int, x: Decimal) -> tuple[Decimal, Decimal]:
    """The Legendre polynomial at x, and its derivative."""
    before, value = Decimal(1), x
    for n in range(2, degree + 1):
        before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
    return value, degree * (x * value - before) / (x * x - 1)


def contribute(
    parent: Array,
    split: Array,
    threshold: Array,
    sides: Array,
    above: Array,
    share: Array,
    values: Array,
    starts: Array,
    points: Array,
    weights: Array,
    gains: Array,
    vectors: Array,
    parts: Array,
) -> None:
    """Fills `parts` (int64[n, F]) with what each input adds to the margin of each row.

    Sums, products and quotients in one written order, rounded once at the end: equal bytes on every
    processor.
    """
    largest = 0
    for tree in range(starts.shape[0] - 1):
        largest = max(largest, starts[tree + 1] - starts[tree])
    agrees = np.empty(largest, np.bool_)
    products = np.empty((largest, LANES))
    added = np.empty((parts.shape[1], LANES))
    for row in range(vectors.shape[0]):
        totals = np.zeros(parts.shape[1])
        for block in range(points.shape[0]):
            added[:] = 0.0
            for tree in range(starts.shape[0] - 1):
                first, size = starts[tree], starts[tree + 1] - starts[tree]
                agrees[0] = True
                products[0, :] = 1.0
                for node in range(1, size):
                    at = first + node
                    value = vectors[row, split[at]]
                    goes_left = (value <= threshold[at]) | ((sides[at] >= 2) & np.isnan(value))
                    agree = goes_left == ((sides[at] & 1) == 1)
                    over, former = parent[at], above[at]
                    if former != NONE:
                        # The new factor of this input takes the place of the former one.
                        was, was_share = agrees[former], share[first + former]
                        _divide(products, node, over, points[block], was, was_share)
                        over, agree = np.uint32(node), agree & was
                    _multiply(products, node, over, points[block], agree, share[at])
                    agrees[node] = agree
                for node in range(size):
                    for k in range(LANES):
                        products[node, k] = products[node, k] * values[first + node]
                # Upwards products become sums over the leaves below, and each split takes its part.
                # That of a former split on the same input is taken back: its factor was replaced.
                for step in range(1, size):
                    node = size - step
                    at, beyond = first + node, first + tree + size
                    former = above[at]
                    taken = at + tree if agrees[node] else beyond
                    for k in range(LANES):
                        added[split[at], k] += products[node, k] * gains[block, taken, k]
                    if former != NONE:
                        taken = first + tree + former if agrees[former] else beyond
                        for k in range(LANES):
                            added[split[at], k] -= products[node, k] * gains[block, taken, k]
                    for k in range(LANES):
                        products[parent[at], k] += products[node, k]
            for column in range(parts.shape[1]):
                for k in range(LANES):
                    totals[column] += weights[block, k] * added[column, k]
        for column in range(parts.shape[1]):
            parts[row, column] = np.int64(np.rint(totals[column]))


@register_jitable
def _multiply(products: Any, node: Any, over: Any, points: Any, agree: Any, z: Any) -> None:
    """The product at a node: that over it, times the factor of a split."""
    hot = 1.0 if agree else 0.0
    for k in range(LANES):
        products[node, k] = products[over, k] * (points[k] * hot + (1.0 - points[k]) * z)


@register_jitable
def _divide(products: Any, node: Any, over: Any, points: Any, agree: Any, z: Any) -> None:
    """The product over a node without the factor of a split above it."""
    hot = 1.0 if agree else 0.0
    for k in range(LANES):
        products[node, k] = products[over, k] / (points[k] * hot + (1.0 - points[k]) * z)

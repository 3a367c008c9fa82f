"""What each input adds to a margin: Shapley values of a forest, exact, in a time linear in it.

The game is that of path-dependent TreeSHAP (Lundberg et al., 2020): at a split on an input that a
coalition lacks, a tree goes both ways by the rows that went there in training. To a leaf of value v
each input i of its path brings a factor: if it is in the coalition o (1 where the row agrees with
every split on i, else 0), and if not z, the part of the training rows that agreed. The multilinear
extension of that game is v · Π (t·o + (1 − t)·z), so that (Owen, 1972)

    phi_i = ∫ v · (o_i − z_i) · Π_{j ≠ i} (t·o_j + (1 − t)·z_j) dt    over t from 0 to 1,

a polynomial that a Gauss-Legendre rule of enough points integrates exactly. What a leaf adds
depends on the row by its o alone, so that all 2^m answers of a leaf with m inputs are worked out
once, as in Fast TreeSHAP (Yang, 2021); the longest paths, which are few, are integrated each time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import LEAF, Forest

Float64s = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

#: Points that are worked at together: a number that the compiler knows.
LANES: Final = 8
#: The answers that are kept: those of the leaves with the fewest inputs, while they fit.
TABLE_BYTES_MAX: Final = 1 << 24
#: A path has a bit for each of its inputs.
PATH_INPUTS_MAX: Final = 64
#: No answers of a leaf are kept.
NONE: Final = -1
_DIGITS: Final = 50
_NEWTON_STEPS: Final = 12

#: An inner node: where its children note what they know, which input it asks, and the place of that
#: input among those of the path (`bit`), of which `fresh` says that nothing above asked it.
SPLIT: Final = np.dtype(
    [
        ("threshold", np.float64),
        ("at", np.uint32),
        ("left", np.uint32),
        ("right", np.uint32),
        ("feature", np.uint16),
        ("bit", np.uint8),
        ("fresh", np.uint8),
        ("null_left", np.uint8),
    ],
    align=True,
)

#: A leaf: its margin in 2^-40, where its answers begin in the table (or NONE), where it notes which
#: inputs agree, and its `count` inputs from `first` on.
LEAVES: Final = np.dtype(
    [
        ("value", np.float64),
        ("table", np.int64),
        ("at", np.uint32),
        ("first", np.uint32),
        ("count", np.uint32),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of a forest, as contributions read them.

    `splits` (SPLIT[I], parents first) and `leaves` (LEAVES[L]); `inputs` (uint16[P]) of the paths
    of all leaves, and their `shares` (float64[P]), the parts of the training rows that agreed with
    all splits on an input. The rule has `points` and `weights`, float64[B, 8], B blocks of eight.
    `table` (float64) holds the answers: of a leaf with m inputs m numbers for each of the 2^m sets
    of inputs with which a row may agree.
    """

    splits: Array
    leaves: Array
    inputs: npt.NDArray[np.uint16]
    shares: Float64s
    points: Float64s
    weights: Float64s
    table: Float64s


#: Of a path: its inputs in the order in which they were first asked, each with its share.
_Way = dict[int, float]


def paths(forest: Forest, *, table_bytes_max: int = TABLE_BYTES_MAX) -> Paths:
    """The forest as contributions read it, with a rule that is exact for its longest path.

    Raises:
        Misconfigured: ARTIFACT_INVALID where a path asks more than `PATH_INPUTS_MAX` inputs.
    """
    splits: list[tuple[float, int, int, int, int, int, bool, bool]] = []
    leaves: list[tuple[float, int, int, int, int]] = []
    inputs: list[int] = []
    shares: list[float] = []
    for node, way in _nodes(forest):
        if forest.feature[node] == LEAF:
            leaves.append((float(forest.value[node]), NONE, node, len(inputs), len(way)))
            inputs += way
            shares += way.values()
        else:
            feature, null_left = int(forest.feature[node]), bool(forest.null_left[node])
            bit = list(way).index(feature) if feature in way else len(way)
            children = int(forest.left[node]), int(forest.right[node])
            threshold = float(forest.threshold[node])
            splits.append((threshold, node, *children, feature, bit, feature not in way, null_left))
    longest = longest_path(forest)
    if longest > PATH_INPUTS_MAX:
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            "a path of the forest asks more inputs than contributions can tell apart",
            hint="Train with fewer leaves a tree.",
            field="feature",
            expected=f"at most {PATH_INPUTS_MAX} inputs on the way to a leaf",
            found=str(longest),
        )
    # Whole blocks: more points than it takes are as exact.
    points, weights = gauss_legendre(max(1, -(-longest // (2 * LANES))) * LANES)
    made = np.array(leaves, LEAVES)
    made["table"], size = _kept(made["count"].tolist(), table_bytes_max)
    return Paths(
        splits=np.array(splits, SPLIT),
        leaves=made,
        inputs=np.array(inputs, np.uint16),
        shares=np.array(shares, np.float64),
        points=points.reshape(-1, LANES),
        weights=weights.reshape(-1, LANES),
        table=np.empty(size, np.float64),
    )


def longest_path(forest: Forest) -> int:
    """The most inputs that the way to a leaf asks: contributions know `PATH_INPUTS_MAX` of them."""
    return max(len(way) for _, way in _nodes(forest))


def _nodes(forest: Forest) -> Iterator[tuple[int, _Way]]:
    """Every node of every tree, parents first, with the inputs of its path."""
    for root in forest.roots.tolist():
        rest: list[tuple[int, _Way]] = [(root, {})]
        while rest:
            node, way = rest.pop()
            yield node, way
            if forest.feature[node] == LEAF:
                continue
            feature, cover = int(forest.feature[node]), float(forest.cover[node])
            for side in (int(forest.right[node]), int(forest.left[node])):
                share = way.get(feature, 1.0) * (float(forest.cover[side]) / cover)
                rest.append((side, {**way, feature: share}))


def _kept(counts: list[int], bytes_max: int) -> tuple[list[int], int]:
    """Where the answers of each leaf begin, those with the fewest inputs first; how many in all."""
    places = [NONE] * len(counts)
    size = 0
    for leaf in sorted(range(len(counts)), key=counts.__getitem__):
        answers = counts[leaf] << counts[leaf]
        if (size + answers) * 8 > bytes_max:
            break
        places[leaf] = size
        size += answers
    return places, size


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


def fill_table(leaves: Array, shares: Array, points: Array, weights: Array, table: Array) -> None:
    """Works out the answers that are kept."""
    products = np.empty(LANES)
    for number in range(leaves.shape[0]):
        leaf = leaves[number]
        if leaf.table >= 0:
            for agrees in range(1 << leaf.count):
                place = leaf.table + agrees * leaf.count
                _integrate(leaf, agrees, shares, points, weights, products, table, place)


def contribute(
    splits: Array,
    leaves: Array,
    inputs: Array,
    shares: Array,
    points: Array,
    weights: Array,
    table: Array,
    vectors: Array,
    parts: Array,
) -> None:
    """Fills `parts` (int64[n, F]) with what each input adds to the margin of each row.

    Sums, products and quotients in one written order, rounded once at the end: equal bytes on every
    processor.
    """
    agrees = np.zeros(splits.shape[0] + leaves.shape[0], np.uint64)
    products, added = np.empty(LANES), np.empty(PATH_INPUTS_MAX)
    totals = np.empty(parts.shape[1])
    for row in range(vectors.shape[0]):
        _agree(splits, vectors[row], agrees)
        totals[:] = 0.0
        for number in range(leaves.shape[0]):
            leaf = leaves[number]
            first, place = np.uint64(leaf.first), np.uint64(leaf.table)
            if leaf.table >= 0:
                place += agrees[leaf.at] * np.uint64(leaf.count)
                for i in range(np.uint64(leaf.count)):
                    totals[inputs[first + i]] += table[place + i]
            else:
                known = agrees[leaf.at]
                _integrate(leaf, known, shares, points, weights, products, added, 0)
                for i in range(np.uint64(leaf.count)):
                    totals[inputs[first + i]] += added[i]
        for column in range(parts.shape[1]):
            parts[row, column] = np.int64(np.rint(totals[column]))


@register_jitable
def _agree(splits: Any, vector: Any, agrees: Any) -> None:
    """Notes at each node with which inputs of its path the row agrees, a bit each."""
    one = np.uint64(1)
    for number in range(splits.shape[0]):
        split = splits[number]
        value = vector[split.feature]
        is_left = (value <= split.threshold) | ((split.null_left != 0) & np.isnan(value))
        left, bit = np.uint64(is_left), np.uint64(split.bit)
        known = agrees[split.at]
        others = known & ~(one << bit)
        was = ((known >> bit) | np.uint64(split.fresh)) & one
        agrees[split.left] = others | ((was & left) << bit)
        agrees[split.right] = others | ((was & (left ^ one)) << bit)


@register_jitable
def _integrate(
    leaf: Any,
    agrees: Any,
    shares: Any,
    points: Any,
    weights: Any,
    products: Any,
    found: Any,
    place: Any,
) -> None:
    """What each input of a leaf adds, into `found` from `place` on."""
    for i in range(leaf.count):
        found[place + i] = 0.0
    for block in range(points.shape[0]):
        for k in range(LANES):
            products[k] = leaf.value * weights[block, k]
        for i in range(leaf.count):
            hot = np.float64((np.uint64(agrees) >> np.uint64(i)) & np.uint64(1))
            z = shares[leaf.first + i]
            for k in range(LANES):
                products[k] *= points[block, k] * hot + (1.0 - points[block, k]) * z
        for i in range(leaf.count):
            hot = np.float64((np.uint64(agrees) >> np.uint64(i)) & np.uint64(1))
            z = shares[leaf.first + i]
            total = 0.0
            for k in range(LANES):
                factor = points[block, k] * hot + (1.0 - points[block, k]) * z
                total += products[k] * ((hot - z) / factor)
            found[place + i] += total

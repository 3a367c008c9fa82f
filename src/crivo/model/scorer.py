"""Margins, scores and contributions of an artifact: comparisons and integer sums, nothing else.

No exponential, logarithm or matrix product is on this path, so the bytes of a score do not depend
on the processor. Needs numpy and numba; no trainer is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import KNOTS, Artifact
from crivo.model.masked import BLOCK, Masked, add_margins, masked
from crivo.model.packed import pack
from crivo.model.shapley import Paths, contribute, fill_table, paths

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

#: Trees that are walked side by side: while one step waits for memory, the others go on.
LANES: Final = 4


class Scorer:
    """Scores vectors with one artifact; one row and many rows give the same integers.

    Whoever asks says of which plan the vectors are (`Engine.plan_hash`; empty for plain rows), and
    vectors of another plan, shape or type are refused before they are scored.

    Args:
        artifact: What to score with.
        plan_hash: The plan that makes the vectors; `None` for kind `rows`.

    Raises:
        Misconfigured: PLAN_MISMATCH where the artifact was trained on another plan's vectors.
    """

    def __init__(self, artifact: Artifact, *, plan_hash: str | None = None) -> None:
        if plan_hash is not None and plan_hash != artifact.plan_hash:
            raise _mismatch("plan_hash", artifact.plan_hash, plan_hash)
        self.artifact: Final = artifact
        self._width: Final = len(artifact.input_names)
        self._packed: Final = pack(artifact.forest, lanes=LANES)
        self._masked: Final = masked(artifact.forest)
        self._knots: Final = artifact.calibration.knots
        self._low: Final = artifact.calibration.margin_low
        self._step: Final = artifact.calibration.step_log2
        self._score_rows: Final = _compiled(_score_rows)
        self._add_margins: Final = _compiled(add_margins)
        self._scores_of: Final = _compiled(_scores_of)

    def score(self, vectors: Float64s, *, plan_hash: str) -> tuple[Int64s, Int64s]:
        """Margins int64[n] in 2^-40 and scores int64[n] in 10^-9 of `vectors` float64[n, F].

        Raises:
            Misconfigured: PLAN_MISMATCH where the vectors are of another plan, or are no C-ordered
                float64[n, F].
        """
        self._check(vectors, plan_hash, dimensions=2)
        return self._scored(vectors)

    def _scored(self, vectors: Float64s) -> tuple[Int64s, Int64s]:
        margins = np.empty(len(vectors), np.int64)
        scores = np.empty(len(vectors), np.int64)
        if self._masked is not None and len(vectors) >= BLOCK:
            self._score_blocks(self._masked, vectors, margins, scores)
            return margins, scores
        packed = self._packed
        trees = (packed.nodes, packed.values, packed.roots, packed.depths)
        self._score_rows(*trees, self._knots, self._low, self._step, vectors, margins, scores)
        return margins, scores

    def _score_blocks(
        self, trees: Masked, vectors: Float64s, margins: Int64s, scores: Int64s
    ) -> None:
        """The same integers, by masks: whole blocks of rows at once."""
        margins[:] = 0
        arrays = (trees.columns, trees.thresholds, trees.masks, trees.starts)
        self._add_margins(*arrays, trees.values, trees.leaf_starts, vectors, margins)
        self._scores_of(self._knots, self._low, self._step, margins, scores)

    def score_one(self, vector: Float64s, *, plan_hash: str) -> tuple[int, int]:
        """The margin in 2^-40 and the score in 10^-9 of one float64[F]; equal to `score`'s.

        Raises:
            Misconfigured: as `score`.
        """
        self._check(vector, plan_hash, dimensions=1)
        margins, scores = self._scored(vector.reshape(1, -1))
        return int(margins[0]), int(scores[0])

    def contributions(self, vector: Float64s) -> Int64s:
        """int64[F + 1] in 2^-40: what each input adds, and last what the training rows had.

        Shapley values (shapley.py), each rounded; the last part takes the rounding, so that the sum
        is the margin exactly.

        Raises:
            Misconfigured: PLAN_MISMATCH where the vector is no float64[F].
        """
        self._check(vector, self.artifact.plan_hash, dimensions=1)
        parts: Int64s = self._contributed(vector.reshape(1, -1))[0]
        return parts

    def contributions_of(self, vectors: Float64s) -> Int64s:
        """int64[n, F + 1]: the contributions of each row of `vectors` float64[n, F].

        Raises:
            Misconfigured: as `contributions`.
        """
        self._check(vectors, self.artifact.plan_hash, dimensions=2)
        return self._contributed(vectors)

    def _contributed(self, vectors: Float64s) -> Int64s:
        found = np.empty((len(vectors), self._width + 1), np.int64)
        inputs = np.empty((len(vectors), self._width), np.int64)
        way = self._paths
        rule = (way.inputs, way.shares, way.points, way.weights, way.table)
        _compiled(contribute)(way.splits, way.leaves, *rule, vectors, inputs)
        found[:, :-1] = inputs
        found[:, -1] = self._scored(vectors)[0] - inputs.sum(axis=1)
        return found

    @cached_property
    def _paths(self) -> Paths:
        """Made once somebody asks for contributions."""
        way = paths(self.artifact.forest)
        _compiled(fill_table)(way.leaves, way.shares, way.points, way.weights, way.table)
        return way

    def _check(self, vectors: Float64s, plan_hash: str, *, dimensions: int) -> None:
        if plan_hash != self.artifact.plan_hash:
            raise _mismatch("plan_hash", self.artifact.plan_hash, plan_hash)
        if (
            vectors.dtype != np.float64
            or vectors.ndim != dimensions
            or vectors.shape[-1] != self._width
            or not vectors.flags.c_contiguous
        ):
            rows = "n, " if dimensions == 2 else ""
            expected = f"C-ordered float64[{rows}{self._width}]"
            raise _mismatch("vectors", expected, f"{vectors.dtype}{list(vectors.shape)}")


def _mismatch(field: str, expected: str, found: str) -> Misconfigured:
    return Misconfigured(
        Code.PLAN_MISMATCH,
        "the vectors are not those that the model was trained on",
        hint="Train with the features in force, or serve the plan of the model.",
        field=field,
        expected=expected,
        found=found,
    )


@lru_cache(maxsize=8)
def _compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel compiled once a process: not at import, since numba's cache touches the disk."""
    compiled: Callable[..., Any] = numba.njit(cache=True, fastmath=False)(kernel)
    return compiled


@register_jitable
def _next(nodes: Any, vector: Any, at: Any) -> Any:
    """The place of the child that a vector goes to; a leaf's own."""
    node = nodes[at]
    value = vector[node.feature]
    is_left = (value <= node.threshold) | ((node.null_left != 0) & np.isnan(value))
    # Chosen by arithmetic: a processor cannot guess which way a transfer goes.
    return node.left + (0 if is_left else 1)


def _score_rows(
    nodes: Array,
    values: Array,
    roots: Array,
    depths: Array,
    knots: Array,
    low: int,
    step: int,
    vectors: Array,
    margins: Array,
    scores: Array,
) -> None:
    for row in range(vectors.shape[0]):
        vector = vectors[row]
        margin = np.int64(0)
        for group in range(depths.shape[0]):
            first = group * LANES
            a, b, c, d = roots[first], roots[first + 1], roots[first + 2], roots[first + 3]
            for _ in range(depths[group]):
                a = _next(nodes, vector, a)
                b = _next(nodes, vector, b)
                c = _next(nodes, vector, c)
                d = _next(nodes, vector, d)
            margin += values[a] + values[b] + values[c] + values[d]
        margins[row] = margin
        scores[row] = _score_at(knots, low, step, margin)


def _scores_of(knots: Array, low: int, step: int, margins: Array, scores: Array) -> None:
    for row in range(margins.shape[0]):
        scores[row] = _score_at(knots, low, step, margins[row])


@register_jitable
def _score_at(knots: Any, low: Any, step: Any, margin: Any) -> Any:
    """The score of a margin: between two knots in integers, the ends beyond them."""
    distance = margin - low
    place = distance >> step
    if distance <= 0:
        return knots[0]
    if place >= KNOTS - 1:
        return knots[KNOTS - 1]
    rest = distance - (place << step)
    return knots[place] + (((knots[place + 1] - knots[place]) * rest) >> step)

"""Margins, scores and contributions of an artifact.

A forest's are comparisons and integer sums, a regression's IEEE operations in one order.

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
from crivo.features.frame import floats_at, halves_at, new_frame, words_at, write
from crivo.model.artifact import KNOTS, MARGIN_BITS, Artifact, Forest
from crivo.model.linear import Linear
from crivo.model.masked import ROWS_MIN, Masked, add_margins, masked
from crivo.model.packed import pack
from crivo.model.shapley import Paths, contribute, fill_table, paths

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

#: SHA-256 (its first 16 hex characters) of `features/frame.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "2c32447815a2aecd"

# The words of a frame of `_score_rows`.
NODES, VALUES, ROOTS, DEPTHS, GROUPS, TABLE, LOW, STEP = 0, 1, 2, 3, 4, 5, 6, 7
VECTORS, ROWS, WIDTH, MARGINS, SCORES, WORDS = 8, 9, 10, 11, 12, 13

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
        body = artifact.body
        self._masked: Final = masked(body) if isinstance(body, Forest) else None
        self._knots: Final = artifact.calibration.knots
        self._low: Final = artifact.calibration.margin_low
        self._step: Final = artifact.calibration.step_log2
        rows = _score_rows if isinstance(body, Forest) else _add_rows
        self._score_rows: Final = _compiled(rows)
        #: What `_score_rows` works on, and a frame for one row, which never changes.
        self._terms: Final = _terms(body) if isinstance(body, Linear) else None
        self._packed: Final = pack(body, lanes=LANES) if isinstance(body, Forest) else None
        self._walked: Final = self._without_rows()
        self._vector: Final = np.zeros((1, self._width))
        self._margin: Final = np.zeros(1, np.int64)
        self._score: Final = np.zeros(1, np.int64)
        self._one: Final = self._frame(self._vector, self._margin, self._score)
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
        if self._masked is not None and len(vectors) >= ROWS_MIN:
            self._score_blocks(self._masked, vectors, margins, scores)
            return margins, scores
        _, place = self._frame(vectors, margins, scores)
        self._score_rows(place)
        return margins, scores

    def _without_rows(self) -> Int64s:
        frame, _ = new_frame(WORDS)
        if self._packed is not None:
            trees = self._packed
            arrays = {NODES: trees.nodes, VALUES: trees.values}
            write(frame, {**arrays, ROOTS: trees.roots, DEPTHS: trees.depths})
            frame[GROUPS] = len(trees.depths)
        if self._terms is not None:
            write(frame, {NODES: self._terms})
        write(frame, {TABLE: self._knots})
        frame[WIDTH] = self._width
        frame[LOW], frame[STEP] = self._low, self._step
        return frame

    def _frame(self, vectors: Float64s, margins: Int64s, scores: Int64s) -> tuple[Int64s, int]:
        """A frame of `_score_rows`, and where it lies: both live as long as somebody holds it."""
        frame, place = new_frame(WORDS)
        frame[:] = self._walked
        write(frame, {VECTORS: vectors, MARGINS: margins, SCORES: scores})
        frame[ROWS] = len(vectors)
        return frame, place

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

        Not for use by two threads at once, as `score` is.

        Raises:
            Misconfigured: as `score`.
        """
        self._check(vector, plan_hash, dimensions=1)
        self._vector[0] = vector
        self._score_rows(self._one[1])
        return int(self._margin[0]), int(self._score[0])

    def contributions(self, vector: Float64s) -> Int64s:
        """int64[F + 1] in 2^-40: what each input adds, and last what the training rows had.

        Shapley values (of a forest: shapley.py; of a regression: what the input adds less what it
        usually does), each rounded; the last part takes the rounding, so that the sum is the margin
        exactly. Not for use by two threads at once; the array is the caller's.

        Raises:
            Misconfigured: PLAN_MISMATCH where the vector is no float64[F].
        """
        self._check(vector, self.artifact.plan_hash, dimensions=1)
        self._vector[0] = vector
        self._score_rows(self._one[1])
        return self._contributed(self._vector, self._margin)[0]

    def contributions_of(self, vectors: Float64s) -> Int64s:
        """int64[n, F + 1]: the contributions of each row of `vectors` float64[n, F].

        Raises:
            Misconfigured: as `contributions`.
        """
        self._check(vectors, self.artifact.plan_hash, dimensions=2)
        return self._contributed(vectors, self._scored(vectors)[0])

    def _contributed(self, vectors: Float64s, margins: Int64s) -> Int64s:
        found = np.empty((len(vectors), self._width + 1), np.int64)
        inputs = np.empty((len(vectors), self._width), np.int64)
        body = self.artifact.body
        if isinstance(body, Linear):
            inputs[:] = np.rint((body.parts(vectors) - body.usual) * float(1 << MARGIN_BITS))
            found[:, :-1] = inputs
            found[:, -1] = margins - inputs.sum(axis=1)
            return found
        way = self._paths
        rule = (way.inputs, way.shares, way.points, way.weights, way.table)
        _compiled(contribute)(way.splits, way.leaves, *rule, vectors, inputs)
        found[:, :-1] = inputs
        found[:, -1] = margins - inputs.sum(axis=1)
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
def _next(nodes: Any, thresholds: Any, vector: Any, row: Any, at: Any) -> Any:
    """The place of the child that a row goes to; a leaf's own. A node is two words (`NODE`)."""
    facts = nodes[2 * at + 1]
    value = vector[row + ((facts >> 32) & 0xFFFF)]
    is_left = (value <= thresholds[2 * at]) | ((facts >> 48 != 0) & np.isnan(value))
    # Chosen by arithmetic: a processor cannot guess which way a transfer goes.
    return (facts & 0xFFFF_FFFF) + (0 if is_left else 1)


def _score_rows(place: int) -> None:
    """Margins and scores of the rows of the frame at `place`."""
    frame = words_at(place)
    nodes, thresholds = words_at(frame[NODES]), floats_at(frame[NODES])
    values, roots, depths = (
        words_at(frame[VALUES]),
        halves_at(frame[ROOTS]),
        halves_at(frame[DEPTHS]),
    )
    knots, vectors = words_at(frame[TABLE]), floats_at(frame[VECTORS])
    margins, scores = words_at(frame[MARGINS]), words_at(frame[SCORES])
    for row in range(frame[ROWS]):
        start = row * frame[WIDTH]
        margin = np.int64(0)
        for group in range(frame[GROUPS]):
            first = group * LANES
            a, b = np.int64(roots[first]), np.int64(roots[first + 1])
            c, d = np.int64(roots[first + 2]), np.int64(roots[first + 3])
            for _ in range(depths[group]):
                a = _next(nodes, thresholds, vectors, start, a)
                b = _next(nodes, thresholds, vectors, start, b)
                c = _next(nodes, thresholds, vectors, start, c)
                d = _next(nodes, thresholds, vectors, start, d)
            margin += values[a] + values[b] + values[c] + values[d]
        margins[row] = margin
        scores[row] = _score_at(knots, frame[LOW], frame[STEP], margin)


def _terms(body: Linear) -> Float64s:
    """The start, the bound, and four numbers an input, as `_add_rows` reads them."""
    inputs = np.stack([body.centre, body.scale, body.weight, body.null], axis=1)
    return np.concatenate([body.start, [body.bound], inputs.ravel()])


@register_jitable
def _part(terms: Any, at: Any, value: Any) -> Any:
    """What an input whose four numbers stand at `at` adds to the margin: `Linear.parts`."""
    if np.isnan(value):
        added = terms[at + 3]
    elif terms[at + 2] == 0.0:
        added = 0.0
    else:
        added = terms[at + 2] * ((value - terms[at]) / terms[at + 1])
    return min(max(added, -terms[1]), terms[1])


def _add_rows(place: int) -> None:
    """Margins and scores of the rows of the frame at `place`, for a regression.

    Summed in the order of the columns, one operation after the other, and rounded once.
    """
    frame = words_at(place)
    terms, vectors, knots = (
        floats_at(frame[NODES]),
        floats_at(frame[VECTORS]),
        words_at(frame[TABLE]),
    )
    margins, scores = words_at(frame[MARGINS]), words_at(frame[SCORES])
    width = frame[WIDTH]
    for row in range(frame[ROWS]):
        total = terms[0]
        for column in range(width):
            total += _part(terms, 2 + 4 * column, vectors[row * width + column])
        margins[row] = np.int64(np.rint(total * 1099511627776.0))  # 2^40
        scores[row] = _score_at(knots, frame[LOW], frame[STEP], margins[row])


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

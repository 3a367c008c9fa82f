"""Conditions compiled once: from typed expressions to one program over a vector's values.

The meaning is that of `Expression.evaluate`, and a law compares the two; this is the fast form. A
request asks all rules at once, and one call of a compiled loop costs less than one of its rules
would as a function of Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crivo.domain.errors import Code, Misconfigured
from crivo.features.expression import (
    DEPTH_MAX,
    And,
    Compare,
    Comparison,
    Expression,
    Field,
    Not,
    Operand,
    Or,
    Value,
)
from crivo.features.frame import bytes_at, floats_at, new_frame, words_at, write

#: What a condition says: not, yes, or nothing since it read a null.
FALSE: Final = 0
HOLDS: Final = 1
NULL: Final = 2

#: An expression with what its parameters are.
Bound = tuple[Expression, Mapping[str, int | float]]

# Written out: the compiled loop is cached by the text of this file alone.
_LESS: Final = 0
_AT_MOST: Final = 1
_EQUAL: Final = 2
_DIFFERENT: Final = 3
_AT_LEAST: Final = 4
_GREATER: Final = 5
_COMPARISONS: Final = {
    Comparison.LESS: _LESS,
    Comparison.AT_MOST: _AT_MOST,
    Comparison.EQUAL: _EQUAL,
    Comparison.DIFFERENT: _DIFFERENT,
    Comparison.AT_LEAST: _AT_LEAST,
    Comparison.GREATER: _GREATER,
}
_NOT: Final = 6
_AND: Final = 7
_OR: Final = 8
#: SHA-256 (its first 16 hex characters) of `features/frame.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "2c32447815a2aecd"

# The words of a frame of `_judge`.
STEPS, READS, ENDS, CONSTANTS, VECTOR, WIDTH, SAID, COUNT, WORDS = range(9)

#: The deepest stack: an expression nests no deeper.
_DEPTH: Final = 16
#: Words of one step: its operation, and the places of two operands.
_STEP: Final = 3


class Conditions:
    """Some conditions over the vectors of one plan, asked together; not by two threads at once.

    Args:
        bound: The conditions with their parameters.
        columns: The place of each feature in a vector; a condition reads no other one.
    """

    def __init__(self, bound: Sequence[Bound], columns: Mapping[str, int]) -> None:
        assert _DEPTH >= DEPTH_MAX, "the stack holds every expression"
        self._width: Final = len(columns)
        constants: list[float] = []
        steps: list[int] = []
        reads: list[int] = []
        ends: list[int] = []
        for expression, parameters in bound:
            compiler = _Compiler(columns, parameters, constants)
            steps += compiler.steps(expression)
            reads += sorted(columns[name] for name in expression.fields())
            ends += (len(steps), len(reads))
        self._steps = np.array(steps, dtype=np.int64)
        self._reads = np.array(reads, dtype=np.int64)
        self._ends = np.array(ends, dtype=np.int64)
        self._constants = np.array(constants, dtype=np.float64)
        self._vector = np.zeros(self._width)
        self._said = np.zeros(len(bound), dtype=np.uint8)
        arrays: dict[int, NDArray[Any]] = {STEPS: self._steps, READS: self._reads, ENDS: self._ends}
        arrays |= {CONSTANTS: self._constants, VECTOR: self._vector, SAID: self._said}
        self._frame, self._place = new_frame(WORDS)
        write(self._frame, arrays)
        self._frame[COUNT], self._frame[WIDTH] = len(bound), self._width

    def __call__(self, vector: NDArray[np.float64]) -> bytes:
        """FALSE, HOLDS or NULL for each condition over a vector (float64[F], null = NaN)."""
        assert vector.shape == (self._width,), "a vector of the plan"
        self._vector[:] = vector
        _judge(self._place)
        return self._said.tobytes()

    def many(self, vectors: NDArray[np.float64]) -> NDArray[np.uint8]:
        """uint8[n, conditions]: what `__call__` says of each row of `vectors` float64[n, F]."""
        assert vectors.ndim == 2 and vectors.shape[1] == self._width, "vectors of the plan"
        said = np.empty((len(vectors), len(self._said)), dtype=np.uint8)
        _judge_rows(self._place, np.ascontiguousarray(vectors), self._vector, self._said, said)
        return said


def check_columns(expression: Expression, columns: Mapping[str, int], *, owner: str) -> None:
    """Nothing, if every feature that is read has a column.

    Raises:
        Misconfigured: DEFINITION_INVALID where `owner` reads a column that is not there.
    """
    missing = sorted(expression.fields() - set(columns))
    if missing:
        raise Misconfigured(
            Code.DEFINITION_INVALID,
            f"rule {owner} reads a feature that the plan does not compute",
            hint="Declare the feature in features/catalogue, or mend the rule.",
            field=missing[0],
            expected="a feature of the plan",
            found=missing[0],
        )


class _Compiler:
    """Steps of one condition; an operand is a column, or a constant behind the last column."""

    def __init__(
        self,
        columns: Mapping[str, int],
        parameters: Mapping[str, int | float],
        constants: list[float],
    ) -> None:
        self._columns = columns
        self._parameters = parameters
        self._constants = constants

    def steps(self, expression: Expression) -> Iterator[int]:
        """The words of the steps, in the order of evaluation."""
        match expression:
            case Compare(comparison, left, right):
                yield from (_COMPARISONS[comparison], self._place(left), self._place(right))
            case Not(inner):
                yield from self.steps(inner)
                yield from (_NOT, 0, 0)
            case And(left, right) | Or(left, right):
                yield from self.steps(left)
                yield from self.steps(right)
                yield from (_AND if isinstance(expression, And) else _OR, 0, 0)

    def _place(self, operand: Operand) -> int:
        if isinstance(operand, Field):
            return self._columns[operand.name]
        constant = operand.value if isinstance(operand, Value) else self._parameters[operand.name]
        self._constants.append(float(constant))
        return len(self._columns) + len(self._constants) - 1


@njit(cache=True)
def _judge(place: int) -> None:
    frame = words_at(place)
    steps, reads, ends = words_at(frame[STEPS]), words_at(frame[READS]), words_at(frame[ENDS])
    constants, vector = floats_at(frame[CONSTANTS]), floats_at(frame[VECTOR])
    said, width = bytes_at(frame[SAID]), frame[WIDTH]
    stack = np.empty(_DEPTH, dtype=np.bool_)
    step, read = 0, 0
    for condition in range(frame[COUNT]):
        last_step, last_read = ends[2 * condition], ends[2 * condition + 1]
        answer = FALSE
        while read < last_read:
            if np.isnan(vector[reads[read]]):
                answer = NULL
            read += 1
        if answer == FALSE:
            top = 0
            while step < last_step:
                operation = steps[step]
                if operation < _NOT:
                    left = _operand(steps[step + 1], constants, vector, width)
                    right = _operand(steps[step + 2], constants, vector, width)
                    stack[top] = _compared(operation, left, right)
                    top += 1
                elif operation == _NOT:
                    stack[top - 1] = not stack[top - 1]
                else:
                    one, two = stack[top - 2], stack[top - 1]
                    stack[top - 2] = (one and two) if operation == _AND else (one or two)
                    top -= 1
                step += _STEP
            answer = HOLDS if stack[0] else FALSE
        step = last_step
        said[condition] = answer


@njit(cache=True)
def _judge_rows(place: int, vectors: Any, vector: Any, answers: Any, said: Any) -> None:
    """Row after row through the frame at `place`, whose vector and answers these are."""
    for row in range(vectors.shape[0]):
        vector[:] = vectors[row]
        _judge(place)
        said[row] = answers


@njit(cache=True)
def _operand(place: Any, constants: Any, vector: Any, columns: Any) -> Any:
    return vector[place] if place < columns else constants[place - columns]


@njit(cache=True)
def _compared(operation: Any, left: Any, right: Any) -> Any:
    if operation == _LESS:
        return left < right
    if operation == _AT_MOST:
        return left <= right
    if operation == _EQUAL:
        return left == right
    if operation == _DIFFERENT:
        return left != right
    if operation == _AT_LEAST:
        return left >= right
    return left > right

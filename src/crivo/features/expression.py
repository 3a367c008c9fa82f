"""Typed expressions over named fields: the filters of features and the conditions of rules.

One strict rule of nulls: an expression that reads a null anywhere has no truth value (None),
whatever its other parts say, so that the order of its parts never matters.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crivo.domain.errors import Code, Misconfigured

Scalar = int | float | bool
Lookup = Callable[["Field | Parameter"], Scalar | None]

#: How deep an expression may nest: the kernel evaluates it on a stack of this many words.
DEPTH_MAX: Final = 16


class Comparison(StrEnum):
    """The comparisons of the language."""

    LESS = "<"
    AT_MOST = "<="
    EQUAL = "=="
    DIFFERENT = "!="
    AT_LEAST = ">="
    GREATER = ">"


_COMPARE: Final[Mapping[Comparison, Callable[[Scalar, Scalar], bool]]] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.DIFFERENT: operator.ne,
    Comparison.AT_LEAST: operator.ge,
    Comparison.GREATER: operator.gt,
}


class _Term:
    """Operators that build comparisons; equality keeps its Python meaning, so it is a method."""

    __slots__ = ()

    def __lt__(self, other: Operand | Scalar) -> Compare:
        return _compare(Comparison.LESS, self, other)

    def __le__(self, other: Operand | Scalar) -> Compare:
        return _compare(Comparison.AT_MOST, self, other)

    def __gt__(self, other: Operand | Scalar) -> Compare:
        return _compare(Comparison.GREATER, self, other)

    def __ge__(self, other: Operand | Scalar) -> Compare:
        return _compare(Comparison.AT_LEAST, self, other)

    def equals(self, other: Operand | Scalar) -> Compare:
        """The comparison `self == other`."""
        return _compare(Comparison.EQUAL, self, other)

    def differs(self, other: Operand | Scalar) -> Compare:
        """The comparison `self != other`."""
        return _compare(Comparison.DIFFERENT, self, other)


class _Condition:
    """Operators that join conditions, and what may be asked of any of them."""

    __slots__ = ()

    def __and__(self, other: Expression) -> And:
        return And(_condition(self), _condition(other))

    def __or__(self, other: Expression) -> Or:
        return Or(_condition(self), _condition(other))

    def __invert__(self) -> Not:
        return Not(_condition(self))

    def canonical(self) -> list[object]:
        """The expression as nested lists, equal for equal expressions: what is hashed."""
        return _canonical(_condition(self))

    def to_json(self) -> str:
        """The canonical form as JSON text without spaces; `from_json` reads it back."""
        return json.dumps(self.canonical(), separators=(",", ":"), allow_nan=False)

    def fields(self) -> frozenset[str]:
        """The names of the fields that are read."""
        return frozenset(o.name for o in _operands(_condition(self)) if isinstance(o, Field))

    def parameters(self) -> frozenset[str]:
        """The names of the policy parameters that are read."""
        return frozenset(o.name for o in _operands(_condition(self)) if isinstance(o, Parameter))

    def values(self) -> tuple[Scalar, ...]:
        """The constants, in the order they are written."""
        return tuple(o.value for o in _operands(_condition(self)) if isinstance(o, Value))

    def evaluate(self, lookup: Lookup) -> bool | None:
        """Whether the condition holds; None where a null was read.

        `lookup` gives the value of a `Field` or `Parameter`, and None for a null. NaN is a null.
        """
        return _evaluate(_condition(self), lookup)


@dataclass(frozen=True, slots=True)
class Field(_Term):
    """The value of a named field: of an event in a filter, of a vector in a rule."""

    name: str


@dataclass(frozen=True, slots=True)
class Parameter(_Term):
    """A number that the policy owns."""

    name: str


@dataclass(frozen=True, slots=True)
class Value(_Term):
    """A constant: finite, since nothing compares with NaN.

    Raises:
        Misconfigured: DEFINITION_INVALID.
    """

    value: Scalar

    def __post_init__(self) -> None:
        if type(self.value) not in (int, float, bool) or not math.isfinite(self.value):
            raise _wrong("value", "a finite int, float or bool", self.value)


@dataclass(frozen=True, slots=True)
class Compare(_Condition):
    """One comparison of two operands."""

    comparison: Comparison
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class And(_Condition):
    """Both hold."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Or(_Condition):
    """At least one holds."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not(_Condition):
    """It does not hold."""

    inner: Expression


Operand = Field | Parameter | Value
Expression = Compare | And | Or | Not


def from_json(text: str) -> Expression:
    """The expression whose canonical JSON this is.

    Raises:
        Misconfigured: DEFINITION_INVALID.
    """
    try:
        tree = json.loads(text)
    except json.JSONDecodeError:
        raise _wrong("expression", "canonical JSON", text) from None
    return from_canonical(tree)


def from_canonical(tree: object) -> Expression:
    """The expression of nested lists such as `["and", [">=", ["field", "hour"], …], …]`.

    Raises:
        Misconfigured: DEFINITION_INVALID.
    """
    match tree:
        case ["and", left, right]:
            return And(from_canonical(left), from_canonical(right))
        case ["or", left, right]:
            return Or(from_canonical(left), from_canonical(right))
        case ["not", inner]:
            return Not(from_canonical(inner))
        case [str(name), left, right] if name in set(Comparison):
            return Compare(Comparison(name), _operand_from(left), _operand_from(right))
    choices = ", ".join(["and", "or", "not", *Comparison])
    raise _wrong("expression", f"a list that begins with one of {choices}", tree)


def depth(expression: Expression) -> int:
    """How many words of stack the expression needs."""
    match expression:
        case Compare():
            return 2
        case Not(inner):
            return depth(inner)
        case And(left, right) | Or(left, right):
            return max(depth(left), 1 + depth(right))


def _operand_from(tree: object) -> Operand:
    match tree:
        case ["field", str(name)]:
            return Field(name)
        case ["parameter", str(name)]:
            return Parameter(name)
        case ["value", (bool() | int() | float()) as value]:
            return Value(value)
    raise _wrong("operand", "a list that begins with one of field, parameter, value", tree)


def _condition(term: _Condition) -> Expression:
    if isinstance(term, Compare | And | Or | Not):
        return term
    raise _wrong("expression", "a comparison, or comparisons joined by &, | and ~", term)


def _compare(comparison: Comparison, left: _Term, right: Operand | Scalar) -> Compare:
    assert isinstance(left, Field | Parameter | Value)
    if not isinstance(right, Field | Parameter | Value):
        right = Value(right)
    return Compare(comparison, left, right)


def _canonical(expression: Expression) -> list[object]:
    match expression:
        case Compare(comparison, left, right):
            return [comparison.value, _operand(left), _operand(right)]
        case And(left, right):
            return ["and", _canonical(left), _canonical(right)]
        case Or(left, right):
            return ["or", _canonical(left), _canonical(right)]
        case Not(inner):
            return ["not", _canonical(inner)]


def _operand(operand: Operand) -> list[object]:
    match operand:
        case Field(name):
            return ["field", name]
        case Parameter(name):
            return ["parameter", name]
        case Value(value):
            return ["value", value]


def _operands(expression: Expression) -> list[Operand]:
    match expression:
        case Compare(_, left, right):
            return [left, right]
        case Not(inner):
            return _operands(inner)
        case And(left, right) | Or(left, right):
            return _operands(left) + _operands(right)


def _evaluate(expression: Expression, lookup: Lookup) -> bool | None:
    match expression:
        case Compare(comparison, left, right):
            one, two = _read(left, lookup), _read(right, lookup)
            return None if one is None or two is None else _COMPARE[comparison](one, two)
        case Not(inner):
            holds = _evaluate(inner, lookup)
            return None if holds is None else not holds
        case And(left, right) | Or(left, right):
            first, second = _evaluate(left, lookup), _evaluate(right, lookup)
            if first is None or second is None:
                return None
            return (first and second) if isinstance(expression, And) else (first or second)


def _read(operand: Operand, lookup: Lookup) -> Scalar | None:
    if isinstance(operand, Value):
        return operand.value
    value = lookup(operand)
    return None if value is None or math.isnan(value) else value


def _wrong(field: str, expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"{field} must be {expected}",
        field=field,
        expected=expected,
        found=repr(found)[:80],
    )

"""Conditions compiled once: from a typed expression to a function of a vector's values.

The meaning is that of `Expression.evaluate`, and a law compares the two; this is the fast form, for
a request must not walk a tree.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from crivo.domain.errors import Code, Misconfigured
from crivo.features.expression import (
    And,
    Compare,
    Comparison,
    Expression,
    Field,
    Not,
    Operand,
    Or,
    Parameter,
    Value,
)

Values = Sequence[float]
#: Of a vector's values: whether the condition holds; None where a null was read.
Condition = Callable[[Values], bool | None]

_Test = Callable[[Values], bool]

_COMPARE: Final[Mapping[Comparison, Callable[[float, float], bool]]] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.DIFFERENT: operator.ne,
    Comparison.AT_LEAST: operator.ge,
    Comparison.GREATER: operator.gt,
}
#: a < b is b > a: a constant on the left moves to the right.
_MIRRORED: Final = {
    Comparison.LESS: Comparison.GREATER,
    Comparison.AT_MOST: Comparison.AT_LEAST,
    Comparison.EQUAL: Comparison.EQUAL,
    Comparison.DIFFERENT: Comparison.DIFFERENT,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.GREATER: Comparison.LESS,
}


def compile_condition(
    expression: Expression,
    columns: Mapping[str, int],
    parameters: Mapping[str, int | float],
    *,
    owner: str,
) -> Condition:
    """The condition over vectors with these columns, its parameters filled in.

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
    read = tuple(sorted(columns[name] for name in expression.fields()))
    test = _compile(expression, columns, parameters)

    def condition(values: Values) -> bool | None:
        for place in read:
            value = values[place]
            if value != value:  # noqa: PLR0124  # NaN, the null, is the one value unlike itself
                return None
        return test(values)

    return condition


def _compile(
    expression: Expression, columns: Mapping[str, int], parameters: Mapping[str, int | float]
) -> _Test:
    match expression:
        case Compare(comparison, left, right):
            return _comparison(comparison, left, right, columns, parameters)
        case Not(inner):
            test = _compile(inner, columns, parameters)
            return lambda values: not test(values)
        case And(left, right):
            one, two = _compile(left, columns, parameters), _compile(right, columns, parameters)
            return lambda values: one(values) and two(values)
        case Or(left, right):
            one, two = _compile(left, columns, parameters), _compile(right, columns, parameters)
            return lambda values: one(values) or two(values)


def _comparison(
    comparison: Comparison,
    left: Operand,
    right: Operand,
    columns: Mapping[str, int],
    parameters: Mapping[str, int | float],
) -> _Test:
    compare = _COMPARE[comparison]
    if isinstance(left, Field) and isinstance(right, Field):
        one, two = columns[left.name], columns[right.name]
        return lambda values: compare(values[one], values[two])
    if isinstance(left, Field) and not isinstance(right, Field):
        place, constant = columns[left.name], _constant(right, parameters)
        return lambda values: compare(values[place], constant)
    if isinstance(right, Field) and not isinstance(left, Field):
        return _comparison(_MIRRORED[comparison], right, left, columns, parameters)
    assert not isinstance(left, Field) and not isinstance(right, Field)
    holds = compare(_constant(left, parameters), _constant(right, parameters))
    return lambda _: holds


def _constant(operand: Parameter | Value, parameters: Mapping[str, int | float]) -> float:
    return operand.value if isinstance(operand, Value) else parameters[operand.name]

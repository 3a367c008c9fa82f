"""Conditions as the kernel evaluates them: (operation, argument) pairs for a stack of integers."""

from __future__ import annotations

from typing import Final

from crivo.features import layout as k
from crivo.features.expression import (
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

_COMPARISONS: Final = {member: k.LESS + place for place, member in enumerate(Comparison)}
_FIELDS: Final = {
    "amount_centavos": k.ROW_AMOUNT,
    "hour": k.FIELD_HOUR,
    "weekday": k.FIELD_WEEKDAY,
    "initiation": k.ROW_INITIATION,
    "purpose": k.ROW_PURPOSE,
    "accepted": k.ROW_ACCEPTED,
    "payer_ispb": k.ROW_PAYER_ISPB,
    "payee_ispb": k.ROW_PAYEE_ISPB,
}


def postfix(expression: Expression) -> list[int]:
    """(operation, argument) pairs in the order of evaluation."""
    match expression:
        case Compare(comparison, left, right):
            return [*_push(left), *_push(right), _COMPARISONS[comparison], 0]
        case Not(inner):
            return [*postfix(inner), k.NOT, 0]
        case And(left, right):
            return [*postfix(left), *postfix(right), k.AND, 0]
        case Or(left, right):
            return [*postfix(left), *postfix(right), k.OR, 0]


def _push(operand: Operand) -> list[int]:
    match operand:
        case Field(name):
            return [k.PUSH_FIELD, _FIELDS[name]]
        case Value(value):
            return [k.PUSH_VALUE, int(value)]
        case _:  # a Filter admits no parameter
            raise AssertionError(operand)

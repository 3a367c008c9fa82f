"""Filters: named conditions on the events that are aggregated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from crivo.features.expression import (
    DEPTH_MAX,
    And,
    Compare,
    Expression,
    Field,
    Not,
    Or,
    Value,
    depth,
)
from crivo.features.typed import check_kind
from crivo.features.window import NIGHT_BEGINS, NIGHT_ENDS
from crivo.features.wrong import wrong

#: What a filter may read of an event: all integers. `accepted` is a report's, null on a transfer;
#: the rest are codes of `features/row.py`, null where the door was not told.
FILTER_FIELDS: Final = (
    "amount_centavos",
    "hour",
    "weekday",
    "initiation",
    "purpose",
    "accepted",
    "payer_ispb",
    "payee_ispb",
)

FILTER_VALUE_MAX: Final = 2**62

#: What names are made of: those of features are columns, metric labels and lines of a lock.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Filter:
    """A named condition on the events that are aggregated; the name is part of a feature's name.

    An event of which the condition reads a null does not count.

    Raises:
        Misconfigured: DEFINITION_INVALID for a field that events do not have, a parameter, a
            fraction, or a condition nested deeper than the kernel's stack.
    """

    name: str
    expression: Expression

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:
            raise wrong("filter.name", "of the letters a to z, digits and underscores", self.name)
        check_kind("filter.expression", self.expression, Compare, And, Or, Not)
        for name in sorted(self.expression.fields()):
            if name not in FILTER_FIELDS:
                raise wrong("filter.expression", f"over {', '.join(FILTER_FIELDS)}", name)
        for name in sorted(self.expression.parameters()):
            raise wrong("filter.expression", "without policy parameters", name)
        if depth(self.expression) > DEPTH_MAX:
            found = depth(self.expression)
            raise wrong("filter.expression", f"of depth {DEPTH_MAX} or less", found)
        for value in self.expression.values():
            if isinstance(value, float) or abs(value) > FILTER_VALUE_MAX:
                raise wrong("filter.expression", "over integers of at most 62 bits", value)


NIGHT: Final = Filter("night", (Field("hour") >= NIGHT_BEGINS) | (Field("hour") < NIGHT_ENDS))
ACCEPTED: Final = Filter("accepted", Field("accepted").equals(Value(1)))

"""Outcomes: the closed, ordered list of what Crivo answers about a transfer."""

from __future__ import annotations

from enum import Enum
from operator import attrgetter
from typing import Final, Self

from crivo.domain.errors import Code, invalid


class Outcome(Enum):
    """ALLOW < WARN < STEP_UP < HOLD < REJECT: each asks more of the payer than the one before.

    The value is the name on the wire; the order is that of declaration.
    """

    ALLOW = "ALLOW"
    WARN = "WARN"
    STEP_UP = "STEP_UP"
    HOLD = "HOLD"
    REJECT = "REJECT"

    def __init__(self, wire: str) -> None:
        #: The value, without the call that `value` is.
        self.wire: str = wire
        #: 0 for ALLOW .. 4 for REJECT.
        self.rank: int = len(type(self).__members__)

    def __lt__(self, other: Self) -> bool:
        return self.rank < other.rank

    def __le__(self, other: Self) -> bool:
        return self.rank <= other.rank

    def __gt__(self, other: Self) -> bool:
        return self.rank > other.rank

    def __ge__(self, other: Self) -> bool:
        return self.rank >= other.rank


#: What the gravest is found by, without a call a comparison.
RANK: Final = attrgetter("rank")

#: By the name on the wire: an enumeration asks its own table three calls later.
OUTCOMES: Final = {outcome.value: outcome for outcome in Outcome}


def parse_outcome(text: object, *, field: str) -> Outcome:
    """The outcome of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    if isinstance(text, str) and text in OUTCOMES:
        return OUTCOMES[text]
    raise invalid(
        Code.FIELD_VALUE, field=field, expected="one of " + ", ".join(OUTCOMES), found=text
    )

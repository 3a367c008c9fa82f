"""Attempts of an account and a day, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from crivo.decision.sums import NIGHT_FROM, NIGHT_TO

# The totals of an account and a day: all, from devices not registered, before the night's end, and
# of each hour in which a night may begin (NIGHT_FROM to 23); of withdrawals and change, which count
# in none of these but the device's, by day, before the night's end and since its beginning.
ALL, DEVICE, EARLY = 0, 1, 2
OF_HOUR: Final = EARLY + 1 - NIGHT_FROM
CASH_DAY: Final = OF_HOUR + 24
CASH_EARLY, CASH_LATE = CASH_DAY + 1, CASH_DAY + 2
COLUMNS: Final = CASH_DAY + 3
COLUMN_OF_HOUR: Final = tuple(
    EARLY if hour < NIGHT_TO else hour + OF_HOUR if hour >= NIGHT_FROM else ALL
    for hour in range(24)
)
CASH_COLUMN_OF_HOUR: Final = tuple(
    CASH_EARLY if hour < NIGHT_TO else CASH_LATE if hour >= NIGHT_FROM else CASH_DAY
    for hour in range(24)
)

#: What was said of an attempt, as bits.
SETTLED, UNDONE = 1, 2

#: What was returned of an attempt: the id of each event that told of one, and its centavos; sorted.
Returns: TypeAlias = tuple[tuple[bytes, int], ...]
NO_RETURNS: Final[Returns] = ()


def joined(one: Returns, other: Returns) -> Returns:
    """The returns of both, each once."""
    return tuple(sorted({*one, *other})) if one and other else one or other


class Attempt(msgspec.Struct, array_like=True, gc=False):
    """One attempt: when, how much, where it counts, and what was said of it.

    `device` is None where none counts, `column` where it counts in no day; ALL stands for an hour
    that is of no night. `returns` are the ids and centavos of what came back of it.
    """

    at: int
    amount: int
    device: bytes | None
    column: int | None
    is_unregistered: bool
    said: int
    returns: Returns

    @property
    def counted(self) -> int:
        """Centavos that use its payer's limits, as long as it is counted."""
        if not self.returns:
            return self.amount
        return max(0, self.amount - sum(centavos for _, centavos in self.returns))

    @property
    def is_counted(self) -> bool:
        """Whether it uses its payer's limits."""
        return self.said != UNDONE


class Line(msgspec.Struct, gc=False):
    """An account's attempts of one day by their ids, and what they come to."""

    totals: list[int]
    attempts: dict[str, Attempt]

    def add(self, attempt: Attempt, sign: int = 1) -> None:
        """Counts an attempt, or takes it back (`sign` −1)."""
        totals, amount, column = self.totals, sign * attempt.counted, attempt.column
        if column is not None:
            if column < CASH_DAY:
                totals[ALL] += amount
            if column:
                totals[column] += amount
        if attempt.is_unregistered:
            totals[DEVICE] += amount

    def without(self, attempt: Attempt) -> Sequence[int]:
        """The totals of all the others."""
        self.add(attempt, -1)
        found = tuple(self.totals)
        self.add(attempt)
        return found

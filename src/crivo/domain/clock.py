"""The log's clock: fixed when the log is made, it stamps `received_at` once and never again."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.domain.instant import DAY, HOUR, SECOND, format_rfc3339

#: A transfer older than this when it arrives is scored and kept, but enters no window.
ALLOWED_LATENESS: Final = HOUR

#: An event that claims to happen later than this after its receipt is quarantined as CLOCK_AHEAD.
CLOCK_AHEAD_MAX: Final = 60 * SECOND

#: A transfer that is received later than this is read as of this before its receipt.
READ_BACK: Final = DAY

#: State releases what idle keys hold by an instant that the receipts of so many transfers in
#: succession have reached, more than a batch holds: one that lies far ahead by mistake bars nobody.
REACHED_BY: Final = 1_024

#: Once it has, no transfer is read that was received longer than this before that instant. A broker
#: keeps records as long.
RECEIPTS_BACK: Final = 7 * DAY

#: How far behind the newest event of a key an inserted one may lie.
SLACK: Final = ALLOWED_LATENESS + CLOCK_AHEAD_MAX


class ClockKind(StrEnum):
    """`wall` stamps the time of day; `replay` takes the request's time (demo, simulations)."""

    WALL = "wall"
    REPLAY = "replay"


class LogClock:
    """Stamps receipts. `now` is the greatest time stamped so far on a replay clock."""

    def __init__(self, kind: ClockKind, *, wall: Callable[[], int], start: int = 0) -> None:
        self.kind = kind
        self._wall = wall
        self._greatest = start

    def now(self) -> int:
        """The current instant of this clock."""
        return self._wall() if self.kind is ClockKind.WALL else self._greatest

    def stamp(self, *, occurred_at: int, supplied: int | None) -> int:
        """The `received_at` of an event that arrives now.

        On a wall clock nothing is supplied: the door refuses it. On a replay clock it is the
        receipt, and the event's own instant stands in where none is supplied.

        Raises:
            Refused: CLOCK_AHEAD where the event claims to happen over 60 s after its receipt.
        """
        if self.kind is ClockKind.WALL:
            received_at = self._wall()
        else:
            received_at = occurred_at if supplied is None else supplied
        if occurred_at > received_at + CLOCK_AHEAD_MAX:
            raise invalid(
                Code.CLOCK_AHEAD,
                field="occurred_at",
                expected="at most 60 s after the time of receipt",
                found=format_rfc3339(occurred_at),
                hint="Set the sender's clock; on a replay log supply received_at.",
            )
        self._greatest = max(self._greatest, received_at)
        return received_at

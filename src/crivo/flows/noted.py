"""What became durable in this process, kept until it is projected: nobody reads it from the log."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from crivo.decision.record import Observed
from crivo.domain.transfer import Transfer
from crivo.flows.answers import Answer

#: So many events wait at most; what comes while so many wait is read from the log again.
NOTED_MAX: Final = 65_536


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A durable decision: its facts, what its caller was told, and what was measured. One that is
    not its own came from another log, which this one follows.
    """

    transfer: Transfer
    answer: Answer
    observed: Observed
    is_own: bool = True


class Noted:
    """Durable events in the order of the log, each with its decision, or None where it is none.

    One thread adds, another takes. It may have gaps: whoever finds one reads the log.
    """

    def __init__(self) -> None:
        self._events: deque[tuple[int, Seen | None]] = deque()

    def add(self, seq: int, seen: Seen | None) -> None:
        """The event of this sequence number is on disk."""
        if len(self._events) < NOTED_MAX:
            self._events.append((seq, seen))

    def take(self, start: int, limit: int) -> tuple[list[Seen], int]:
        """The decisions of up to `limit` events from `start` on without a gap, and their end."""
        events, taken = self._events, []
        end = start
        while events and end < start + limit and events[0][0] <= end:
            seq, seen = events.popleft()
            if seq == end:
                end += 1
                if seen is not None:
                    taken.append(seen)
        return taken, end

    def __len__(self) -> int:
        return len(self._events)

"""A log without a disk: what a decision costs apart from it. It keeps nothing but a count."""

from __future__ import annotations

from collections.abc import Sequence

from crivo.domain.clock import ClockKind
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.ports import Done, Manifest


class MemoryLog:
    """Whatever is submitted is durable at once, and cannot be read again."""

    def __init__(self, *, end: int) -> None:
        self.manifest = Manifest("memory", ClockKind.REPLAY, 1)
        self._end = end

    def read(
        self, *, start: int, limit: int, streams: frozenset[Stream] | None = None
    ) -> list[StoredEvent]:
        """Nothing: what came before stands in the state that was handed over."""
        return []

    def end(self) -> int:
        """The sequence number that comes next."""
        return self._end

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """None."""
        return set()

    def find(self, event_id: bytes) -> StoredEvent | None:
        """None."""
        return None

    def order_time(self, stream: Stream, partition: int) -> int:
        """0: of no partition anything is known."""
        return 0

    def promise(self, events: int) -> None:
        """Nothing: there is room for any."""
        assert events > 0, "a submission holds at least one event"

    def submit(
        self,
        events: Sequence[Event],
        done: Done,
        *,
        never_seen: bool = False,
        is_promised: bool = False,
    ) -> int:
        """The sequence number of the first event; `done` is called at once."""
        first = self._end
        self._end += len(events)
        done(None)
        return first

    def append(self, events: Sequence[Event]) -> int:
        """As `submit`."""
        return self.submit(events, lambda _: None)

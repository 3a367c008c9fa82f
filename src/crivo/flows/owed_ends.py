"""The ends of holds that nobody ended, of a log that workers answer: whoever answers a partition
tells them.

A hold is a worker's answer, and so is its end: both are the same events whoever makes them, and
repeats collapse by their ids. An end is no event of the log, so no state folds it: what became of
the order the rail tells, in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from crivo.decision import hold_end, record
from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import OUTCOMES
from crivo.decision.record import INITIATION, WORKER, Hold, decode_derived, decode_record
from crivo.domain.event import Event, StoredEvent, transfer_event_id
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream
from crivo.flows.event_of import event_of, value_of
from crivo.flows.holds import OpenHolds

#: Whether the rail settled the transfer of that payer and id, as far as state has folded.
IsSettled = Callable[[bytes, str], bool]


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The end of a hold: the number and the event id of its transfer, and what is told of it."""

    number: int
    cause: bytes
    event: Event

    @property
    def outcome(self) -> str:
        """What the hold became."""
        ended: HoldEnd = value_of(self.event)
        return ended.outcome.wire


class OwedEnds:
    """Holds of a worker's partitions that neither their time nor the rail has ended yet.

    Args:
        answers: What was answered of these partitions before, each with its transfer's number, in
            the order of their topic.
        folded: Below which number state has folded all events.
        is_settled: Told of those below.
    """

    def __init__(
        self, answers: Iterable[tuple[int, Event]], folded: int, is_settled: IsSettled
    ) -> None:
        self._open: Final = OpenHolds()
        self._numbers: Final[dict[str, int]] = {}
        #: Those whose end was told: a hold that comes again after a kill has none again.
        self._over: Final[set[str]] = set()
        for number, event in answers:
            if event.schema == hold_end.SCHEMA:
                self._over.add(value_of(event).end_to_end_id)
                self._end(event)
            elif event.schema == record.SCHEMA:
                decided = decode_record(event.payload)
                hold, id_ = decode_derived(decided.derived).hold, decided.end_to_end_id
                if hold is None or (number < folded and is_settled(event.key, id_)):
                    continue
                self.begin(number, id_, event.key, hold)

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, number: int, end_to_end_id: str, payer_id: bytes, hold: Hold) -> None:
        """The transfer of that number was held."""
        if end_to_end_id not in self._over:
            self._numbers[end_to_end_id] = number
            self._open.begin(end_to_end_id, INITIATION, payer_id, hold, (), ())

    def fold(self, events: Sequence[StoredEvent]) -> None:
        """What the rail settled, rejected or cancelled is held no more."""
        if len(self._open):
            for stored in events:
                if stored.event.stream is Stream.SETTLEMENTS:
                    self._end(stored.event)

    def due(self, now: int) -> list[Ended]:
        """The ends of the holds whose time is over; each is given once."""
        found = []
        while (hold := self._open.due(now)) is not None:
            id_ = hold.end_to_end_id
            value = HoldEnd(
                id_, Phase(hold.phase), hold.payer_id, hold.until, OUTCOMES[hold.ends_as]
            )
            # Received when its time was over: so it is the same event, whoever tells it and when.
            event = event_of(value, occurred_at=hold.until, received_at=hold.until, source=WORKER)
            found.append(Ended(self._numbers[id_], transfer_event_id(id_), event))
            self._end(event)
        return found

    def _end(self, event: Event) -> None:
        before = len(self._open)
        self._open.fold(event)
        if len(self._open) < before:
            del self._numbers[value_of(event).end_to_end_id]

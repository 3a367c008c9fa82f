"""Appending what was imported: the new goes into the log, in order, and each is counted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from crivo.decision.record import decision_event_id, decode_record, transfer_of
from crivo.domain.errors import Code, Refused
from crivo.domain.event import Event, transfer_event_id
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream, partition_of
from crivo.domain.transfer import Transfer
from crivo.flows.answers import check_same_facts
from crivo.flows.codec import decode_transfer
from crivo.flows.ports import EventFinder, Log
from crivo.flows.repeats import check_settlement

#: Told of each event whether it is new.
Count = Callable[[Event, bool], None]

#: What to do with a table that reaches back before what the log holds.
OLDER_FIRST: Final = (
    "Import older tables first, or into a log of their own. Mended rows go into a file of their "
    "own: import it with --received and the time of today."
)

#: Told of each transfer whose id another one has, with the refusal that says so.
Conflict = Callable[[Event, Refused], None]


class Appender:
    """Appends events of a source.

    Args:
        log: Where they go.
        name: What people call the source of an event.
        count: Is told of each event.
        conflict: Is told of each transfer whose id is another's.
        hint: What to do where the source reaches back before what the log holds.
    """

    def __init__(
        self,
        log: Log,
        name: Callable[[Event], str],
        count: Count,
        conflict: Conflict,
        *,
        hint: str = OLDER_FIRST,
    ) -> None:
        self._log: Final = log
        self._name: Final = name
        self._hint: Final = hint
        self._tell: Final = count
        self._conflict: Final = conflict
        self._placed: set[tuple[Stream, int]] = set()
        # A transfer that was decided here is in state already, or was about to settle: the ids of
        # both decisions are looked up too.
        partitions = range(log.manifest.partitions)
        places = [log.order_time(Stream.DECISIONS, each) for each in partitions]
        self._may_be_decided = any(places)
        # By the identity of the event: of two with one id, each may be another transfer.
        self._transfers: dict[int, Transfer] = {}

    def note_transfer(self, event: Event, transfer: Transfer) -> None:
        """Notes that an event of the next `append` is this transfer, perhaps decided here."""
        self._transfers[id(event)] = transfer

    def append(self, events: Sequence[Event]) -> None:
        """Appends those of the events that are new, and counts them all.

        A transfer whose id is there already with other facts is not counted: it is a conflict. One
        of which a settlement phase alone was decided is new, as that was no attempt.

        Raises:
            Refused: LOG_ORDER where the first of a partition reaches back before what it holds.
            Unavailable: LOG_UNAVAILABLE.
        """
        known = self._log.known([event.event_id for event in events])
        fresh: list[Event] = []
        firsts: dict[bytes, Transfer] = {}
        transfers, self._transfers = self._transfers, {}
        noted = [event for event in events if id(event) in transfers]
        initiated, settled = self._decided(
            {event.event_id: transfers[id(event)].end_to_end_id for event in noted}
        )
        for event in events:
            event_id, transfer = event.event_id, transfers.get(id(event))
            is_new = event_id not in known and event_id not in initiated
            if transfer is not None and (event_id in settled or not is_new):
                try:
                    self.check_first(firsts.get(event_id), transfer)
                except Refused as refusal:
                    self._conflict(event, refusal)
                    continue
            if is_new:
                known.add(event_id)
                fresh.append(event)
                if transfer is not None:
                    firsts[event_id] = transfer
            self._tell(event, is_new)
        if fresh:
            self._check_order(fresh)
            self._log.append(fresh)

    def check_first(self, first: Transfer | None, transfer: Transfer) -> None:
        """Nothing, unless another transfer has its id: in the log, or else this first one.

        Raises:
            Refused: CONFLICT.
        """
        known = attempted(self._log, transfer.end_to_end_id)
        if (before := first if known is None else known) is not None:
            check_same_facts(before, transfer)
        if self._may_be_decided:
            # Its instant is that of the phase, and so another.
            check_settlement(self._log, transfer)

    def _decided(self, asked: Mapping[bytes, str]) -> tuple[set[bytes], set[bytes]]:
        """Of the transfers (by their events' ids) those of which the initiation, and those of which
        the settlement phase was decided here.
        """
        if not self._may_be_decided:
            return set(), set()
        places = {
            decision_event_id(end_to_end_id, phase): (phase, event_id)
            for event_id, end_to_end_id in asked.items()
            for phase in Phase
        }
        found = {places[decision] for decision in self._log.known(list(places))}
        return (
            {event_id for phase, event_id in found if phase is Phase.INITIATION},
            {event_id for phase, event_id in found if phase is Phase.SETTLEMENT},
        )

    def _check_order(self, events: Sequence[Event]) -> None:
        """Nothing, if no partition would go back. Events are sorted: the first of each tells."""
        partitions = self._log.manifest.partitions
        for event in events:
            place = (event.stream, partition_of(event.key, partitions))
            if place in self._placed:
                continue
            self._placed.add(place)
            order_time = self._log.order_time(*place)
            if event.received_at < order_time:
                raise Refused(
                    Code.LOG_ORDER,
                    f"{self._name(event)} reaches back before what {event.stream} holds",
                    hint=self._hint,
                    field="received_at",
                    expected=f"nothing received before {format_rfc3339(order_time)}",
                    found=format_rfc3339(event.received_at),
                )


def known_transfer(log: EventFinder, end_to_end_id: str) -> Transfer | None:
    """The transfer of an id in the log: of its history, or decided here."""
    found = attempted(log, end_to_end_id)
    return _decided(log, end_to_end_id, Phase.SETTLEMENT) if found is None else found


def attempted(log: EventFinder, end_to_end_id: str) -> Transfer | None:
    """The attempt of an id in the log: of its history, or an initiation decided here."""
    stored = log.find(transfer_event_id(end_to_end_id))
    if stored is not None:
        return decode_transfer(stored.event.payload)
    return _decided(log, end_to_end_id, Phase.INITIATION)


def _decided(log: EventFinder, end_to_end_id: str, phase: Phase) -> Transfer | None:
    stored = log.find(decision_event_id(end_to_end_id, phase))
    return None if stored is None else transfer_of(decode_record(stored.event.payload))

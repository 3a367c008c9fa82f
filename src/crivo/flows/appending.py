"""Appending what was imported: the new goes into the log, in order, and each is counted once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from crivo.flows.ports import Log

#: Told of each event whether it is new.
Count = Callable[[Event, bool], None]

#: Told of each transfer whose id another one has, with the refusal that says so.
Conflict = Callable[[Event, Refused], None]


class Appender:
    """Appends events of a source by its name, for people."""

    def __init__(self, log: Log, name: str, count: Count, conflict: Conflict) -> None:
        self._log: Final = log
        self._name: Final = name
        self._tell: Final = count
        self._conflict: Final = conflict
        self._placed: set[tuple[Stream, int]] = set()
        # A transfer that was decided here is in state already: its decision's id is looked up too.
        partitions = range(log.manifest.partitions)
        places = [log.order_time(Stream.DECISIONS, each) for each in partitions]
        self._may_be_decided = any(places)
        self._decisions: dict[bytes, bytes] = {}
        # By the identity of the event: of two with one id, each may be another transfer.
        self._transfers: dict[int, Transfer] = {}

    def note_transfer(self, event: Event, transfer: Transfer) -> None:
        """Notes that an event of the next `append` is this transfer, perhaps decided here."""
        self._transfers[id(event)] = transfer
        if self._may_be_decided:
            self._decisions[event.event_id] = decision_event_id(transfer.end_to_end_id)

    def append(self, events: Sequence[Event]) -> None:
        """Appends those of the events that are new, and counts them all.

        A transfer whose id is there already with other facts is not counted: it is a conflict.

        Raises:
            Refused: LOG_ORDER where the first of a partition reaches back before what it holds.
            Unavailable: LOG_UNAVAILABLE.
        """
        known = self._log.known([event.event_id for event in events])
        decided = self._decided(events)
        fresh: list[Event] = []
        firsts: dict[bytes, Transfer] = {}
        transfers, self._transfers = self._transfers, {}
        for event in events:
            is_new = event.event_id not in known and event.event_id not in decided
            transfer = transfers.get(id(event))
            if is_new:
                known.add(event.event_id)
                fresh.append(event)
                if transfer is not None:
                    firsts[event.event_id] = transfer
            elif transfer is not None:
                first = firsts.get(event.event_id)
                try:
                    self.check_first(first, transfer)
                except Refused as refusal:
                    self._conflict(event, refusal)
                    continue
            self._tell(event, is_new)
        if fresh:
            self._check_order(fresh)
            self._log.append(fresh)

    def check_first(self, first: Transfer | None, transfer: Transfer) -> None:
        """Nothing, unless another transfer has its id: in the log, or else this first one.

        Raises:
            Refused: CONFLICT.
        """
        known = known_transfer(self._log, transfer.end_to_end_id)
        if (before := first if known is None else known) is not None:
            check_same_facts(before, transfer)

    def _decided(self, events: Sequence[Event]) -> set[bytes]:
        """The ids of those events whose transfers were decided here."""
        asked = {
            event.event_id: self._decisions.pop(event.event_id)
            for event in events
            if event.event_id in self._decisions
        }
        found = self._log.known(list(asked.values())) if asked else set()
        return {event_id for event_id, decision in asked.items() if decision in found}

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
                    f"{self._name} reaches back before what {event.stream} holds",
                    hint="Import older tables first, or into a log of their own. Mended rows go "
                    "into a file of their own: import it with --received and the time of today.",
                    field="received_at",
                    expected=f"nothing received before {format_rfc3339(order_time)}",
                    found=format_rfc3339(event.received_at),
                )


def known_transfer(log: Log, end_to_end_id: str) -> Transfer | None:
    """The transfer of an id in the log: of its history, or decided here."""
    stored = log.find(transfer_event_id(end_to_end_id))
    if stored is not None:
        return decode_transfer(stored.event.payload)
    for phase in Phase:
        decided = log.find(decision_event_id(end_to_end_id, phase))
        if decided is not None:
            return transfer_of(decode_record(decided.event.payload))
    return None

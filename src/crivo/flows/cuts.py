"""Following another log: what it holds is appended to this one too, behind a cut that says how far.

So several services may decide at once, each into a log of its own, and know of what all others have
decided and were told. A log holds all that its decisions had seen, in the order in which they had:
replay, training, workers and the lake need no other one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from crivo.decision import hold_end, record, revision
from crivo.decision.record import (
    decision_event_id,
    decode_derived,
    decode_record,
    transfer_of,
)
from crivo.domain.clock import ClockKind
from crivo.domain.cut import Cut, followed_from, is_followed
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.event import Event, StoredEvent, transfer_event_id
from crivo.domain.streams import Stream, partition_of
from crivo.flows.answers import check_same_facts
from crivo.flows.codec import decode_transfer, transfer_id
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of, value_of
from crivo.flows.fold import fold_rows
from crivo.flows.recording import SOURCE

#: What the service that decided makes of its own decision.
_OF_A_DECISION: Final = frozenset({hold_end.SCHEMA, revision.SCHEMA})

#: What is a log's own business: its segments, who was told, who was erased, what it follows.
OWN: Final = frozenset({Stream.LEDGER, Stream.ALERTS, Stream.PRIVACY, Stream.CUTS})

_LOGGER: Final = logging.getLogger("crivo.follow")


class FollowTelemetry(Protocol):
    """What following tells of itself."""

    def followed(self, events: int) -> None:
        """So many events of another log are in this one now."""
        ...

    def follow_lags(self, log_id: str, events: int) -> None:
        """So many of that log wait to be."""
        ...

    def decided_twice(self, facts: str) -> None:
        """A transfer was decided here and there: `alike`, or of other facts (`conflict`)."""
        ...

    def not_followed(self, code: str) -> None:
        """Another log told nothing just now; it is asked again."""
        ...


class Cuts:
    """Takes what another log holds, on the thread of its `DecisionService`."""

    def __init__(self, decisions: DecisionService, telemetry: FollowTelemetry) -> None:
        self._decisions: Final = decisions
        self._telemetry: Final = telemetry

    def take(self, log_id: str, events: Sequence[StoredEvent]) -> int:
        """Appends and folds the next events of that log that this one does not hold yet, and gives
        the end of this log: once it is durable so far, all of them are.

        A transfer that was decided here stays as it is here, whatever was decided there.

        Raises:
            Unavailable: LOG_UNAVAILABLE, OVERLOADED, LOG_LOCKED; nothing was taken then.
            Refused: FIELD_TYPE for a decision that cannot be read.
        """
        new = self._new([_as_here(log_id, each.event) for each in events if _is_theirs(each.event)])
        if new:
            behind = events[-1].seq + 1
            cut = Cut(log_id, behind, occurred_at=max(each.received_at for each in new))
            self._append([self._event_of(cut), *new])
            self._telemetry.followed(len(new))
        return self._decisions.folded

    def _append(self, events: Sequence[Event]) -> None:
        """One submission, folded at once: as whatever else a service takes."""
        log, replica, clock = self._decisions.log, self._decisions.replica, self._decisions.clock
        place, partitions = replica.folded, log.manifest.partitions
        stored = [
            StoredEvent(seq, partition_of(event.key, partitions), -1, event)
            for seq, event in enumerate(events, place)
        ]
        rows = fold_rows(stored)
        seq = log.submit(events, self._told)
        assert seq == place, "this service alone submits to its log"
        try:
            replica.engine.fold(rows)
        except Unavailable as error:
            self._decisions.lose(error)
        replica.note(stored)
        if clock.kind is ClockKind.REPLAY:
            clock.stamp(occurred_at=replica.order_time, supplied=replica.order_time)

    def _told(self, failure: Exception | None) -> None:
        """Nobody waits: a commit that failed is tried again, and the log's end says when it is."""
        if failure is not None:
            self._telemetry.not_followed(Code.LOG_UNAVAILABLE)

    def _event_of(self, cut: Cut) -> Event:
        clock = self._decisions.clock
        now = cut.occurred_at if clock.kind is ClockKind.REPLAY else clock.now()
        return event_of(cut, occurred_at=now, received_at=now, source=SOURCE)

    def _new(self, events: Sequence[Event]) -> list[Event]:
        log = self._decisions.log
        also = {each.event_id: also for each in events if (also := _also(each)) is not None}
        known = log.known([each.event_id for each in events])
        known |= log.known(list(also.values()))
        new: list[Event] = []
        for event in events:
            if not self._is_of_here(event, new):
                continue
            other = also.get(event.event_id)
            if event.event_id not in known and other not in known:
                known.add(event.event_id)
                new.append(event)
            else:
                self._compare(event)
        return new

    def _is_of_here(self, event: Event, new: Sequence[Event]) -> bool:
        """Whether what became of a decision is about the one that stands here: in two logs decided,
        each keeps its own. Whatever it is, it can be read: else nobody could start from this log.

        Raises:
            Refused: for an event that this release does not read.
        """
        if event.schema == record.SCHEMA:
            decode_derived(decode_record(event.payload).derived)
            return True
        value = value_of(event)
        if event.schema not in _OF_A_DECISION:
            return True
        id_ = decision_event_id(value.end_to_end_id, value.phase.value)
        found = next((each for each in new if each.event_id == id_), None)
        if found is None:
            stored = self._decisions.log.find(id_)
            found = None if stored is None else stored.event
        return found is not None and found.source == event.source

    def _compare(self, event: Event) -> None:
        """Tells of an event that is here too, where it was decided in two logs or its facts are
        others.
        """
        stands = self._decisions.log.find(event.event_id)
        decided = decode_record(event.payload) if event.schema == record.SCHEMA else None
        if decided is not None:
            id_, there = decided.end_to_end_id, transfer_of(decided)
        elif event.stream is Stream.HISTORY:
            id_, there = transfer_id(event.payload), decode_transfer(event.payload)
        else:
            if stands is not None and stands.event.payload != event.payload:
                self._conflict({"schema": event.schema, "event_id": event.event_id.hex()})
            return
        here = self._decisions.find_transfer(id_)
        if here is None:
            return
        try:
            check_same_facts(here, there)
        except Refused as conflict:
            self._conflict({"end_to_end_id": id_, "field": conflict.context["field"]})
            return
        if decided is None or stands is None or stands.event.schema != record.SCHEMA:
            return
        if decode_record(stands.event.payload).given.log_id != decided.given.log_id:
            self._telemetry.decided_twice("alike")

    def _conflict(self, facts: Mapping[str, object]) -> None:
        self._telemetry.decided_twice("conflict")
        _LOGGER.warning("follow.conflict", extra={"code": Code.CONFLICT, "facts": facts})


def _is_theirs(event: Event) -> bool:
    """Whether that log had it first: what it follows itself comes from there."""
    return event.stream not in OWN and not is_followed(event)


def _as_here(log_id: str, event: Event) -> Event:
    """An event as another log holds it: who was named stays where it was sealed, and a transfer
    that waits for a worker there waits for none here.
    """
    stream = Stream.HISTORY if event.stream is Stream.TRANSFERS else event.stream
    return event._replace(stream=stream, source=followed_from(log_id), sealed=None)


def _also(event: Event) -> bytes | None:
    """The other identity that an attempt may have here: decided, or of the past."""
    if event.schema == record.SCHEMA:
        decided = decode_record(event.payload)
        return transfer_event_id(decided.end_to_end_id) if decided.in_place else None
    if event.stream is Stream.HISTORY:
        return decision_event_id(transfer_id(event.payload))
    return None

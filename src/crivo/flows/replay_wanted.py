"""What a replay derives again: a decision as it stands in the log, or the revision of one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Final

from crivo.decision.record import (
    INITIATION,
    SCHEMA,
    WORKER,
    Derived,
    Record,
    decision_event_id,
    decode_record,
)
from crivo.decision.revision import DecisionRevised
from crivo.decision.sums import Sums
from crivo.domain.errors import Refused
from crivo.domain.event import StoredEvent, transfer_event_id
from crivo.domain.phase import Phase
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.features.row import RowBytes, transfer_row
from crivo.flows.account_sums import AccountSums
from crivo.flows.answers import no_decision
from crivo.flows.bundle import Bundle
from crivo.flows.event_of import value_of
from crivo.flows.ports import LogReader

#: The place of a number that is not among the events that are looked at together.
NOWHERE: Final = -1
#: Events of the decisions' stream that are looked through for the first decision at a time.
FIRST_LOOK: Final = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision to derive again, and what with.

    With a `revision` it is that which is derived: `stored` is its event, `record` that of the
    decision, and `received_at` the decision's receipt in both cases. `at` is the place of the
    transfer where a worker answered one that the log holds apart; `seen_until` is the place of the
    number behind all that any other had seen, where answers, which bear none, lie before it.
    """

    stored: StoredEvent
    record: Record
    transfer: Transfer
    bundle: Bundle
    received_at: int
    revision: DecisionRevised | None = None
    at: int | None = None
    seen_until: int | None = None

    @property
    def place(self) -> int:
        """The sequence number of the event that is the attempt."""
        return self.stored.seq if self.at is None else self.at

    @property
    def is_answer(self) -> bool:
        """Whether a worker's record is derived again."""
        return self.revision is None and is_answer(self.stored)

    @property
    def cut(self) -> int:
        """The sequence number before which everything had been seen."""
        if self.at is not None:
            return self.at
        if self.seen_until is not None:
            return self.seen_until
        return self.number

    @property
    def number(self) -> int:
        """As `cut`, counting no answers."""
        seen = self.record.given.as_of if self.revision is None else self.revision.as_of
        return seen + 1

    @property
    def is_attempt(self) -> bool:
        """Whether it is read where it is folded: the attempt itself, seen just before."""
        is_prompt = self.revision is None and (self.record.in_place or self.at is not None)
        return is_prompt and self.cut == self.place

    @property
    def row(self) -> RowBytes:
        """Its transfer as features read it."""
        return transfer_row(self.transfer, received_at=self.received_at)


def is_answer(stored: StoredEvent) -> bool:
    """Whether a worker made it of another event: it bears no number, and nobody folds it."""
    return stored.event.source == WORKER


class Answers:
    """Finds the transfers that workers answered, as a replay goes along the log."""

    def __init__(self) -> None:
        #: Events so far but answers: what `as_of` counts.
        self._numbered = 0

    def placed(
        self, events: Sequence[StoredEvent], wanted: Sequence[Wanted]
    ) -> tuple[list[Wanted], list[Wanted]]:
        """The wanted, answers with the place of their transfer, and others with that of what they
        had seen; and answers that stand behind none of the number that they had seen.
        """
        numbers: dict[bytes, tuple[int, int]] = {}
        places: dict[int, int] = {}
        for stored in events:
            if stored.event.stream is Stream.TRANSFERS:
                numbers[stored.event.event_id] = (stored.seq, self._numbered)
            if not is_answer(stored):
                places[self._numbered] = stored.seq
                self._numbered += 1
        found, lost = [], []
        for each in wanted:
            if not each.is_answer:
                found.append(replace(each, seen_until=places.get(each.number, NOWHERE)))
                continue
            id_ = transfer_event_id(each.record.end_to_end_id)
            at, number = numbers.get(id_, (None, None))
            if at is None or each.record.given.as_of + 1 != number:
                lost.append(each)
            else:
                found.append(replace(each, at=at))
        return found, lost


class SumsBeside:
    """What accounts attempted, as it was known to who decided: workers hear what others of them
    rejected; the log's writer, which decides in place, hears nothing from them.
    """

    def __init__(self) -> None:
        self._of_workers = AccountSums()
        #: One and the same until something is answered.
        self._of_writer = self._of_workers

    def begin_at(self, received_at: int) -> None:
        """As `AccountSums`, before the first event."""
        self._of_workers.begin_at(received_at)

    def fold(self, stored: StoredEvent) -> None:
        """As `AccountSums`."""
        if is_answer(stored):
            if self._of_writer is self._of_workers:
                self._of_writer = deepcopy(self._of_workers)
        elif self._of_writer is not self._of_workers:
            self._of_writer.fold(stored.event)
        self._of_workers.fold(stored.event)

    def of(self, each: Wanted) -> Sums | None:
        """As `AccountSums`, of a decision's transfer."""
        known = self._of_workers if each.is_answer else self._of_writer
        return known.of(each.transfer, each.received_at)


def record_of(stored: StoredEvent) -> Record:
    """The record of a decision's event.

    Raises:
        Refused: it cannot be read, so that nothing behind it is proven.
    """
    try:
        return decode_record(stored.event.payload)
    except Refused as unreadable:
        raise Refused(
            unreadable.code,
            f"event {stored.seq} is no decision that can be read: what follows is not proven",
            hint="Restore the log from its newest copy, and replay that.",
            seq=stored.seq,
            **unreadable.context,
        ) from unreadable


def revised(log: LogReader, stored: StoredEvent) -> tuple[DecisionRevised, StoredEvent]:
    """The revision of an event, and the event of the decision that it revised.

    Raises:
        Refused: NOT_FOUND where the log holds no such decision before it.
    """
    value: DecisionRevised = value_of(stored.event)
    decided = log.find(decision_event_id(value.end_to_end_id, value.phase.value))
    if decided is None or decided.seq >= stored.seq:
        raise no_decision(value.end_to_end_id)
    return value, decided


def first_decision(log: LogReader) -> StoredEvent | None:
    """The first decision that was made by this log; None where there is none."""
    at, streams, own = 0, frozenset({Stream.DECISIONS}), log.manifest.log_id
    while events := log.read(start=at, limit=FIRST_LOOK, streams=streams):
        for each in events:
            if each.event.schema == SCHEMA and record_of(each).given.log_id == own:
                return each
        at = events[-1].seq + 1
    return None


def unfaithful(each: Wanted, log_id: str) -> list[str]:
    """What of a record disagrees with its envelope, its log or its bundle."""
    record, event = each.record, each.stored.event
    given, transfer = record.given, each.transfer
    claims = (
        ("versions", given.versions == each.bundle.versions),
        ("log_id", given.log_id == log_id),
        ("phase", record.phase in {each.value for each in Phase}),
        ("in_place", record.in_place == (record.phase == INITIATION and not each.is_answer)),
        ("end_to_end_id", record.end_to_end_id == transfer.end_to_end_id),
        ("event_id", event.event_id == decision_event_id(record.end_to_end_id, record.phase)),
        ("key", event.key == transfer.payer_id),
        ("occurred_at", event.occurred_at == transfer.occurred_at),
    )
    return [name for name, holds in claims if not holds]


def revision_differs(revision: DecisionRevised, again: Derived, transfer: Transfer) -> list[str]:
    """What of a revision is otherwise than it follows from the log."""
    claims = (
        ("revision.outcome", revision.outcome.value == again.outcome),
        ("revision.score", revision.score == again.score),
        ("revision.reasons", revision.reasons == tuple(map(str, again.reasons))),
        ("revision.payer_id", revision.payer_id == transfer.payer_id),
    )
    return [name for name, holds in claims if not holds]

"""Answering the transfers of a log: the state before each is read, each is decided, all are folded.

It is the worker's part of deciding, by the same judging as behind the HTTP door. What it makes of a
transfer depends on the log before that transfer and on the bundle alone, but for what is observed:
another worker makes the same event of it, under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from crivo.decision.alert import ALERTED, Alert, AlertStatus
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import SCHEMA, WORKER
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer
from crivo.features.engine import EngineCounts
from crivo.flows.answers import Answer
from crivo.flows.bundle import Bundle
from crivo.flows.codec import stored_transfer
from crivo.flows.event_of import event_of
from crivo.flows.fold import fold_events
from crivo.flows.judging import Judge
from crivo.flows.ports import Snapshot
from crivo.flows.receiving import check_model_decides
from crivo.flows.recording import record
from crivo.flows.replica import Replica
from crivo.model.network import Network


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What was made of one transfer: its decision, and an alert where somebody should look."""

    transfer: StoredEvent
    answer: Answer
    events: tuple[Event, ...]


class Answering:
    """Decides the transfers of a log in its order. Not for two threads at once.

    Args:
        bundle: Features, rules, policy and model that decide.
        log_id: The log's.
        start: What is known before the first event that it is given.
        monotonic_ns: A monotonic clock.
        host: Which machine observed; for people.
        shadow: A network that scores the same vectors beside, with no say.

    Raises:
        Refused: MODEL_NOT_FOR_TRANSFERS. Misconfigured: PLAN_MISMATCH where the shadow reads
            another plan's vectors.
    """

    def __init__(
        self,
        bundle: Bundle,
        log_id: str,
        start: Replica,
        *,
        monotonic_ns: Callable[[], int],
        host: str,
        shadow: Network | None = None,
    ) -> None:
        check_model_decides(bundle)
        self._judge: Final = Judge(bundle, monotonic_ns=monotonic_ns, host=host, shadow=shadow)
        self._log_id: Final = log_id
        self._replica = start
        #: Decisions on transfers that are still to be folded, by their numbers.
        self._made: dict[int, Event] = {}

    @property
    def folded(self) -> int:
        """How many events state holds: the sequence number that comes next."""
        return self._replica.folded

    @property
    def plan_hash(self) -> str:
        """Of which plan its snapshots are."""
        return self._replica.engine.plan_hash

    @property
    def counts(self) -> EngineCounts:
        """What feature state holds, for metrics; any thread may ask."""
        return self._replica.engine.counts

    @property
    def order_time(self) -> int:
        """The newest receipt of the events that state holds."""
        return self._replica.order_time

    def is_settled(self, payer_id: bytes, end_to_end_id: str) -> bool:
        """Whether the rail settled that transfer, by the events of three days that state holds."""
        return self._replica.sums.is_settled(payer_id, end_to_end_id)

    def snapshot(self) -> Snapshot:
        """What is known at rest: keep it before the next events are taken."""
        return self._replica.snapshot(self._log_id)

    def take(
        self, events: Sequence[StoredEvent], *, is_asked: Callable[[StoredEvent], bool]
    ) -> list[Answered]:
        """The answers to those transfers that are asked for, in their order; all events are folded.

        Raises:
            Refused: FIELD_TYPE and the like for a payload that this release cannot read.
            Unavailable: OVERLOADED at the memory's ceiling: state is lost then.
        """
        assert events[0].seq == self.folded, "events come one after the other"
        replica = self._replica
        asked = [
            (at, stored)
            for at, stored in enumerate(events)
            if stored.event.stream is Stream.TRANSFERS and is_asked(stored)
        ]
        transfers = [stored_transfer(stored.event.payload) for _, stored in asked]
        numbers = [stored.seq for _, stored in asked]
        rows, places = fold_events(events, dict(zip(numbers, transfers, strict=True)))
        lines = np.flatnonzero(np.isin(places, numbers))
        receipts = [stored.event.received_at for _, stored in asked]
        noted = 0

        def note_until(end: int) -> None:
            nonlocal noted
            for stored in events[noted:end]:
                self._note(stored)
            noted = end

        def before(number: int) -> None:
            at = asked[number][0]
            # The judging itself tells sums of the transfers that are asked for.
            note_until(at)
            nonlocal noted
            noted = at + 1

        terms = list(zip(transfers, receipts, strict=True))
        judged = self._judge.judge_among(replica, terms, rows, lines, before)
        note_until(len(events))
        versions = self._judge.bundle.versions
        answers = []
        for (_, stored), transfer, each in zip(asked, transfers, judged, strict=True):
            decision, answer = record(
                transfer,
                each,
                received_at=stored.event.received_at,
                place=stored.seq,
                log_id=self._log_id,
                versions=versions,
                # It stays with its transfer: a part opens for the event that it was sealed for.
                identity=None,
                source=WORKER,
            )
            answers.append(Answered(stored, answer, (decision, *_alerts(transfer, answer))))
        replica.note_rest(events)
        return answers

    def remember(self, answers: Sequence[tuple[int, Event]]) -> None:
        """Takes note of decisions that others made, each with the number of its transfer.

        A transfer that was rejected uses no limit of its payer's later ones, whoever rejected it.
        What else was told of transfers changes nothing.
        """
        for number, event in answers:
            if event.schema != SCHEMA:
                continue
            if number < self.folded:
                self._replica.sums.fold(event)
            else:
                self._made[number] = event

    def _note(self, stored: StoredEvent) -> None:
        """Folds into lists and sums an event that is not answered now, and who answered it."""
        replica = self._replica
        replica.lists.fold(stored.event)
        replica.sums.fold(stored.event)
        made = self._made.pop(stored.seq, None)
        if made is not None:
            replica.sums.fold(made)


def _alerts(transfer: Transfer, answer: Answer) -> tuple[Event, ...]:
    """The alert about a decision that somebody should look at; none about others."""
    if answer.outcome not in ALERTED:
        return ()
    value = Alert(
        end_to_end_id=transfer.end_to_end_id,
        payer_id=transfer.payer_id,
        payee_id=transfer.payee_id,
        amount_centavos=transfer.amount_centavos,
        transfer_occurred_at=transfer.occurred_at,
        alert_id=transfer.end_to_end_id,
        occurred_at=answer.received_at,
        previous=None,
        status=AlertStatus.OPEN,
        outcome=answer.outcome,
        reasons=tuple(map(ReasonCode.__str__, answer.reasons)),
        score=answer.score,
    )
    at = answer.received_at
    return (event_of(value, occurred_at=at, received_at=at, source=WORKER),)

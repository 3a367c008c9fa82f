"""The settlement phase: a transfer decided once more before it settles, under a key of its own.

It is an answer, not an attempt: its record is not in place, so that it enters no state and no
training row. Its vector is that of its own instant, and so it sees the transfer's own attempt like
any other.
"""

from __future__ import annotations

from typing import Final

from crivo.decision.record import decision_event_id
from crivo.domain.errors import Refused, Unavailable
from crivo.domain.event import Event
from crivo.domain.phase import Phase
from crivo.domain.transfer import Transfer
from crivo.flows.answers import SHARED_FACTS, Answer, check_same_facts
from crivo.flows.appending import attempted
from crivo.flows.decide import DecisionService
from crivo.flows.noted import Seen
from crivo.flows.pending import Pending
from crivo.flows.receiving import receive
from crivo.flows.repeats import repeat_of


class SettlementPhase:
    """Decides the settlement phase, on the thread of its `DecisionService`."""

    def __init__(self, decisions: DecisionService) -> None:
        self._decisions: Final = decisions
        self._waiting: Final[dict[str, tuple[Transfer, Pending[Answer]]]] = {}

    def decide(
        self,
        transfer: Transfer,
        *,
        arrived_ns: int,
        supplied_received_at: int | None = None,
        identity: bytes | None = None,
        caller: str | None = None,
    ) -> Pending[Answer]:
        """The answer to a transfer that is about to settle; a repeat gets the first one.

        The log seals `identity`; the record keeps whose key or token asked (`caller`).

        Raises:
            Refused: CONFLICT where this phase was decided with other facts, or the initiation of
                another transfer under this id; PAYEE_IS_PAYER, ID_TIME, CLOCK_AHEAD, TIME_RANGE,
                MODEL_NOT_FOR_TRANSFERS.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED; state is then as before, but for the clock.
        """
        waiting = self._waiting.get(transfer.end_to_end_id)
        if waiting is not None:
            check_same_facts(waiting[0], transfer)
            return waiting[1]
        log, id_ = self._decisions.log, transfer.end_to_end_id
        stored = log.find(decision_event_id(id_, Phase.SETTLEMENT))
        if stored is not None:
            return repeat_of(log, stored, transfer)
        self._decisions.check_decides()
        decided = self._decisions.replica.memory.recent(id_)
        initiated = attempted(log, id_) if decided is None else decided.transfer
        if initiated is not None:
            check_same_facts(initiated, transfer, names=SHARED_FACTS)
        received_at = receive(self._decisions.clock, transfer, supplied_received_at)
        event, seen = self._decisions.judge_settlement(
            transfer, received_at, arrived_ns, identity, caller
        )
        return self._append(event, seen)

    def _append(self, event: Event, seen: Seen) -> Pending[Answer]:
        pending: Pending[Answer] = Pending()
        transfer, answer, decisions = seen.transfer, seen.answer, self._decisions
        id_ = transfer.end_to_end_id

        def done(failure: Exception | None) -> None:
            self._waiting.pop(id_, None)
            if failure is None:
                pending.resolve(answer)
            else:
                pending.fail(failure)

        self._waiting[id_] = (transfer, pending)
        try:
            decisions.append(event, (), done, seen=seen)
        except (Refused, Unavailable):
            del self._waiting[id_]
            raise
        decisions.replica.memory.note_settlement(id_, received_at=answer.received_at)
        decisions.replica.hold(answer, transfer.payer_id)
        return pending

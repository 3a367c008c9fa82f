"""Revising: a hold that a degraded decision asked for is judged again, once, while it lasts.

The first answer stands for whoever repeats the request. What the transfer was worth holding for is
another matter: as soon as there is time, it is judged whole, and a hold that it does not deserve
ends at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from crivo.decision.degraded import CAUSES
from crivo.decision.outcome import OUTCOMES, Outcome
from crivo.decision.record import decision_event_id, decode_record, transfer_of
from crivo.decision.revision import DecisionRevised
from crivo.domain.errors import Unavailable
from crivo.domain.phase import Phase
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of
from crivo.flows.hold_ends import SOURCE
from crivo.flows.holds import OpenHold
from crivo.flows.judging import Judged

#: Holds judged again in one turn of the deciding thread: each takes as long as a decision.
REVISED_AT_ONCE: Final = 2

_LOGGER: Final = logging.getLogger("crivo.holds")


class ReviseService:
    """Judges degraded holds again, on the thread of its `DecisionService`.

    `told` hears the outcome of each revision.
    """

    def __init__(
        self,
        decisions: DecisionService,
        told: Callable[[str], None],
        *,
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._decisions: Final = decisions
        self._monotonic_ns: Final = monotonic_ns
        self._told: Final = told

    def revise_some(self) -> None:
        """Judges the next few degraded holds again; the next call goes on with the others."""
        now, holds = self._decisions.clock.now(), self._decisions.holds
        for _ in range(REVISED_AT_ONCE):
            hold = holds.next_degraded(now)
            if hold is None:
                return
            try:
                if not self._revise(hold, now):
                    # Still no time for it: the next turn tries again.
                    holds.degraded_again(hold)
                    return
            except Unavailable as error:
                holds.degraded_again(hold)
                _LOGGER.warning("revision.waits", extra={"code": error.code})
                return

    def _revise(self, hold: OpenHold, now: int) -> bool:
        """Whether it could be judged whole. A hold that is deserved stays as it is."""
        decisions = self._decisions
        stored = decisions.log.find(decision_event_id(hold.end_to_end_id, hold.phase))
        assert stored is not None, "what is held was decided"
        transfer = transfer_of(decode_record(stored.event.payload))
        as_of = decisions.folded - 1
        asked = (transfer, stored.event.received_at)
        judged = decisions.judge_aside(asked, self._monotonic_ns(), hold.phase)
        if not CAUSES.isdisjoint(judged.degraded):
            return False
        if judged.derived.outcome != Outcome.HOLD.value:
            self._append(hold, judged, now, as_of)
        return True

    def _append(self, hold: OpenHold, judged: Judged, now: int, as_of: int) -> None:
        derived = judged.derived
        value = DecisionRevised(
            end_to_end_id=hold.end_to_end_id,
            phase=Phase(hold.phase),
            payer_id=hold.payer_id,
            occurred_at=now,
            outcome=OUTCOMES[derived.outcome],
            score=derived.score,
            reasons=tuple(str(code) for code in derived.reasons),
            as_of=as_of,
            bundle=self._decisions.bundle.versions.bundle,
        )
        event = event_of(value, occurred_at=now, received_at=now, source=SOURCE)

        def done(failure: Exception | None) -> None:
            self._told(derived.outcome)
            if failure is not None:
                # The log writes the same bytes again by itself.
                _LOGGER.warning("revision.delayed", extra={"facts": {"words": str(failure)}})

        self._decisions.append(event, (), done)

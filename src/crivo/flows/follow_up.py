"""Follow-ups: what became of a decision, told by who asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from crivo.decision.blocks import standing_of
from crivo.decision.follow_up import FollowUp, FollowUpKind
from crivo.decision.outcome import Outcome
from crivo.decision.standing import NEXT, Standing, Step
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused, invalid
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection, Settlement, SettlementStatus
from crivo.domain.transfer import Transfer
from crivo.flows.answers import Answer, no_decision
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of
from crivo.flows.following import followed
from crivo.flows.hold_ends import HoldService
from crivo.flows.pending import Pending
from crivo.flows.recording import SOURCE
from crivo.flows.report import require_transfer
from crivo.flows.telling import TellAnswer, TellingService


class FollowUpName(StrEnum):
    """What may be told; the last two are what the rail did."""

    WARN_CONFIRMED = "warn_confirmed"
    WARN_ABANDONED = "warn_abandoned"
    STEP_UP_PASSED = "step_up_passed"
    STEP_UP_FAILED = "step_up_failed"
    RELEASED = "released"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    SETTLED = "settled"
    REJECTED = "rejected"


_NAMES: Final = frozenset(FollowUpName)


@dataclass(frozen=True, slots=True)
class Told:
    """A follow-up as it was told. `rejection` is the rail's code, of `rejected` alone."""

    end_to_end_id: str
    phase: Phase
    step: Step
    occurred_at: int
    rejection: Rejection | None = None


class FollowUpService:
    """Takes follow-ups, on the thread of its `DecisionService`.

    What the rail did goes to `pix.settlements.v1` and counts in features; the others go to
    `pix.decisions.v1` and add nothing to state.
    """

    def __init__(
        self, decisions: DecisionService, telling: TellingService, holds: HoldService
    ) -> None:
        self._decisions: Final = decisions
        self._telling: Final = telling
        self._holds: Final = holds

    def tell(
        self, told: Told, *, supplied_received_at: int | None = None, caller: str | None = None
    ) -> Pending[TellAnswer]:
        """The event as it was taken, when the log has it on disk; a repeat gets the same.

        Whose key or token told it first (`caller`) stands, whoever repeats it.

        Raises:
            Refused: NOT_FOUND where nothing was decided; STEP_CONFLICT where it cannot follow;
                CONFLICT where it was told otherwise; TIME_RANGE; CLOCK_AHEAD; FIELD_VALUE.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        end_to_end_id_minute(told.end_to_end_id)
        answer = self._decisions.find(told.end_to_end_id, told.phase)
        if answer is None:
            raise no_decision(told.end_to_end_id)
        transfer = require_transfer(self._decisions, told.end_to_end_id)
        _check_time(told, transfer)
        value = _value(told, transfer, caller)
        clock = self._decisions.clock
        supplied = supplied_received_at if clock.kind is ClockKind.REPLAY else None
        received_at = clock.stamp(occurred_at=told.occurred_at, supplied=supplied)
        # A hold whose time is over has ended, even if nobody looked since.
        self._holds.end_due()
        event = event_of(
            value, occurred_at=told.occurred_at, received_at=received_at, source=SOURCE
        )
        return self._telling.take(
            value, event, check=lambda: self._check(told, answer, received_at)
        )

    def _check(self, told: Told, answer: Answer, now_at: int) -> None:
        """Nothing, if the step may follow what is known so far."""
        log = self._decisions.log
        before = followed(log, told.end_to_end_id, told.phase)
        steps, hold = [each.step for each in before], answer.hold
        now = standing_of(answer.outcome, answer.reasons, steps)
        if now in {Standing.HELD, Standing.BLOCKED} and hold is not None and hold.until <= now_at:
            # Another service decided it, and has ended it by now: that is only not followed yet.
            is_paid = hold.ends_as == Outcome.ALLOW.wire
            steps.append(Step.HOLD_PAID if is_paid else Step.HOLD_REJECTED)
            now = standing_of(answer.outcome, answer.reasons, steps)
        if told.step not in NEXT[now]:
            raise _cannot_follow(told, now)


def _value(told: Told, transfer: Transfer, caller: str | None) -> Any:
    if told.step not in {Step.SETTLED, Step.REJECTED}:
        if told.rejection is not None:
            raise invalid(
                Code.FIELD_VALUE,
                field="rejection",
                expected=f"left out: {told.step} has no code of the rail",
                found=told.rejection,
            )
        kind = FollowUpKind(told.step.value)
        id_, payer_id = told.end_to_end_id, transfer.payer_id
        return FollowUp(id_, told.phase, payer_id, told.occurred_at, kind, caller)
    return Settlement(
        end_to_end_id=told.end_to_end_id,
        payer_id=transfer.payer_id,
        payee_id=transfer.payee_id,
        amount_centavos=transfer.amount_centavos,
        transfer_occurred_at=transfer.occurred_at,
        occurred_at=told.occurred_at,
        status=SettlementStatus(told.step.name),
        rejection=told.rejection,
        caller=caller,
    )


def _check_time(told: Told, transfer: Transfer) -> None:
    if told.occurred_at < transfer.occurred_at:
        raise invalid(
            Code.TIME_RANGE,
            field="occurred_at",
            expected=f"not before {format_rfc3339(transfer.occurred_at)}, when it was initiated",
            found=format_rfc3339(told.occurred_at),
        )


def _cannot_follow(told: Told, now: Standing) -> Refused:
    may = [step.value for step in NEXT[now] if step.value in _NAMES]
    return Refused(
        Code.STEP_CONFLICT,
        f"{told.step} cannot follow: the transfer is {now}",
        hint="GET the decision: its events say what followed so far.",
        field="event",
        expected=", ".join(may) or "nothing more",
        found=told.step.value,
    )

"""Reviewing a decision: a party asks, a person answers, and both are events (LGPD, art. 20)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.event import make_event_id
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.phase import Phase
from crivo.domain.review import (
    Review,
    ReviewResult,
    ReviewSide,
    ReviewStatus,
    review_own_id,
)
from crivo.flows.answers import no_decision
from crivo.flows.decide import DecisionService
from crivo.flows.event_of import event_of, value_of
from crivo.flows.pending import Pending, resolved
from crivo.flows.ports import LogReader
from crivo.flows.recording import SOURCE
from crivo.flows.report import require_transfer, told_at

FAMILY: Final = "review"


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """A step as it stands in the log, and when it was received."""

    review: Review
    received_at: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody sends: a request, or with `reviewer` and `result` the answer to it.

    A review is of one decision: each phase has its own.
    """

    end_to_end_id: str
    side: ReviewSide
    phase: Phase = Phase.INITIATION
    reviewer: str | None = None
    result: ReviewResult | None = None

    @property
    def status(self) -> ReviewStatus:
        """Which step it is."""
        is_answer = self.reviewer is not None or self.result is not None
        return ReviewStatus.ANSWERED if is_answer else ReviewStatus.REQUESTED


def steps_of(
    log: LogReader, end_to_end_id: str, phase: Phase = Phase.INITIATION
) -> list[ReviewStep]:
    """The durable steps of a decision's reviews, the payer's first; none where nobody asked."""
    found = []
    for side in ReviewSide:
        for status in ReviewStatus:
            own_id = review_own_id(end_to_end_id, phase, side, status)
            stored = log.find(make_event_id(FAMILY, SOURCE, own_id))
            if stored is not None and stored.seq < log.end():
                found.append(ReviewStep(value_of(stored.event), stored.event.received_at))
    return found


def require_steps(
    log: LogReader, end_to_end_id: str, *sides: ReviewSide, phase: Phase = Phase.INITIATION
) -> list[ReviewStep]:
    """`steps_of` the reviews that one of these sides asked for.

    Raises:
        Refused: NOT_FOUND.
    """
    found = [each for each in steps_of(log, end_to_end_id, phase) if each.review.side in sides]
    if not found:
        raise Refused(
            Code.NOT_FOUND,
            "nobody asked for a review of this decision",
            hint="POST /v1/reviews asks for one.",
            field="end_to_end_id",
            expected="the id of a decision whose review was asked for",
            found=end_to_end_id[:80],
        )
    return found


class ReviewService:
    """Takes reviews, on the thread of its `DecisionService`. No feature reads them."""

    def __init__(self, decisions: DecisionService) -> None:
        self._decisions: Final = decisions
        self._log: Final = decisions.log
        self._waiting: Final[dict[str, tuple[Review, Pending[ReviewStep]]]] = {}

    def take(
        self, asked: Asked, *, supplied_received_at: int | None, caller: str | None = None
    ) -> Pending[ReviewStep]:
        """The step as it was taken, when the log has it on disk; a repeat gets the same.

        Whose key or token sent it first (`caller`) stands, whoever repeats it.

        Raises:
            Refused: NOT_FOUND where the phase was not decided, or an answer has no request;
                CONFLICT where it was answered otherwise; FIELD_VALUE, TIME_RANGE, ID_INVALID.
            Unavailable: LOG_UNAVAILABLE, OVERLOADED.
        """
        end_to_end_id_minute(asked.end_to_end_id)
        review = self._review(asked, supplied_received_at, caller)
        waiting = self._waiting.get(review.own_id)
        if waiting is not None:
            _check_same(waiting[0], review)
            return waiting[1]
        stored = self._log.find(make_event_id(FAMILY, SOURCE, review.own_id))
        if stored is not None:
            first = value_of(stored.event)
            _check_same(first, review)
            if stored.seq >= self._log.end():
                raise _not_durable()
            return resolved(ReviewStep(first, stored.event.received_at))
        if review.status is ReviewStatus.ANSWERED:
            require_steps(self._log, review.end_to_end_id, review.side, phase=review.phase)
        return self._first(review)

    def _review(self, asked: Asked, supplied: int | None, caller: str | None) -> Review:
        if self._decisions.find(asked.end_to_end_id, asked.phase) is None:
            raise no_decision(asked.end_to_end_id)
        transfer = require_transfer(self._decisions, asked.end_to_end_id)
        at = told_at(self._decisions.clock, supplied, transfer_at=transfer.occurred_at)
        is_answer = asked.status is ReviewStatus.ANSWERED
        return Review(
            end_to_end_id=asked.end_to_end_id,
            payer_id=transfer.payer_id,
            payee_id=transfer.payee_id,
            amount_centavos=transfer.amount_centavos,
            transfer_occurred_at=transfer.occurred_at,
            occurred_at=at,
            previous=ReviewStatus.REQUESTED if is_answer else None,
            status=asked.status,
            side=asked.side,
            reviewer=asked.reviewer,
            result=asked.result,
            phase=asked.phase,
            caller=caller,
        )

    def _first(self, review: Review) -> Pending[ReviewStep]:
        at = self._decisions.clock.stamp(
            occurred_at=review.occurred_at, supplied=review.occurred_at
        )
        event = event_of(review, occurred_at=review.occurred_at, received_at=at, source=SOURCE)
        pending: Pending[ReviewStep] = Pending()
        self._waiting[review.own_id] = (review, pending)

        def done(failure: Exception | None) -> None:
            self._waiting.pop(review.own_id, None)
            if failure is None:
                pending.resolve(ReviewStep(review, at))
            else:
                pending.fail(failure)

        try:
            self._decisions.append(event, (), done)
        except (Refused, Unavailable):
            del self._waiting[review.own_id]
            raise
        return pending


def _check_same(first: Review, repeat: Review) -> None:
    if replace(repeat, occurred_at=first.occurred_at, caller=first.caller) != first:
        raise Refused(
            Code.CONFLICT,
            "this review was answered otherwise",
            hint="The first answer stands; GET /v1/reviews shows it.",
            field="result",
            expected="the reviewer and result of the first answer",
            found="others",
        )


def _not_durable() -> Unavailable:
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        "the review is taken, and not yet on disk",
        hint="The log retries by itself; send the same again in a moment.",
    )

"""Reviews of decisions (LGPD, art. 20): asked for, answered and shown under `/v1/reviews`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from crivo.adapters.http.access import caller_name, check_answerer
from crivo.adapters.http.bodies import decode_body
from crivo.adapters.http.hot import durable
from crivo.adapters.http.openapi import answer_of, operation_with
from crivo.adapters.http.review_bodies import ReviewAnswer, ReviewBody, ReviewStepAnswer
from crivo.adapters.http.service import Parts
from crivo.adapters.http.told_body import told_body
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import format_rfc3339, parse_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.review import ReviewSide, ReviewStatus
from crivo.flows.receiving import check_supplied
from crivo.flows.review import Asked, ReviewStep, require_steps

EXAMPLE: Final = {
    "end_to_end_id": "E12345678202611231200abcDEF12345",
    "side": "PAYER",
}

_REVIEW: Final = msgspec.json.Decoder(ReviewBody)


def review_routes(parts: Parts) -> APIRouter:
    """The routes of reviews."""
    router = APIRouter(tags=["reviews"])

    @router.post(
        "/v1/reviews",
        openapi_extra=operation_with("ReviewBody", EXAMPLE),
        responses=answer_of("ReviewAnswer"),
        summary="Ask that a person review a decision, or tell what the person found",
    )
    async def review(request: Request) -> Response:
        raw = await told_body(request, parts)
        asked, supplied = parse_review(raw)
        check_supplied(parts.decisions.clock, supplied)
        if asked.status is ReviewStatus.ANSWERED:
            check_answerer(request.scope)
        caller = caller_name(request.scope)
        pending = parts.reviews.take(asked, supplied_received_at=supplied, caller=caller)
        await durable(pending, seconds_max=parts.limits.answer_seconds_max)
        parts.telemetry.reviewed(asked.status.value)
        log, id_, phase = parts.decisions.log, asked.end_to_end_id, asked.phase
        return _answer(require_steps(log, id_, asked.side, phase=phase))

    @router.get(
        "/v1/reviews/{end_to_end_id}",
        responses=answer_of("ReviewAnswer"),
        summary="The reviews of a decision: who asked when, and what the person found",
    )
    async def found(end_to_end_id: str, phase: Phase = Phase.INITIATION) -> Response:
        end_to_end_id_minute(end_to_end_id)
        log = parts.decisions.log
        return _answer(require_steps(log, end_to_end_id, *ReviewSide, phase=phase))

    return router


def parse_review(raw: bytes) -> tuple[Asked, int | None]:
    """The step in a body, and the receipt it supplies (for logs with a replay clock).

    Raises:
        Refused: BODY_MALFORMED, or the first field that cannot be.
    """
    body = decode_body(_REVIEW, raw)
    side, phase = body.side or ReviewSide.PAYER, body.phase or Phase.INITIATION
    asked = Asked(body.end_to_end_id, side, phase, body.reviewer, body.result)
    received_at = body.received_at
    return asked, None if received_at is None else parse_rfc3339(received_at, field="received_at")


def _answer(steps: Sequence[ReviewStep]) -> Response:
    review = steps[0].review
    told = tuple(_step(each) for each in steps)
    body = ReviewAnswer(review.end_to_end_id, review.phase.value, told)
    return Response(
        msgspec.json.encode(body),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def _step(step: ReviewStep) -> ReviewStepAnswer:
    review = step.review
    return ReviewStepAnswer(
        side=review.side.value,
        status=review.status.value,
        received_at=format_rfc3339(step.received_at),
        reviewer=review.reviewer,
        result=None if review.result is None else review.result.value,
    )

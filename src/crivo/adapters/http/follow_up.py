"""What followed a decision, told: `POST /v1/decisions/{end_to_end_id}/events`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from crivo.adapters.http.access import caller_name
from crivo.adapters.http.answers import FollowUpTaken
from crivo.adapters.http.follow_up_body import parse_follow_up
from crivo.adapters.http.hot import durable
from crivo.adapters.http.openapi import answer_of, operation_with
from crivo.adapters.http.service import Parts
from crivo.adapters.http.told_body import told_body
from crivo.domain.instant import format_rfc3339
from crivo.flows.receiving import check_supplied

EXAMPLE: Final[dict[str, Any]] = {
    "event": "settled",
    "occurred_at": "2026-11-23T12:00:05Z",
}


def follow_up_routes(parts: Parts) -> APIRouter:
    """The route that takes follow-ups."""
    router = APIRouter()

    @router.post(
        "/v1/decisions/{end_to_end_id}/events",
        openapi_extra=operation_with("FollowUpBody", EXAMPLE),
        responses=answer_of("FollowUpTaken"),
        tags=["decisions"],
        summary="Tell what became of a decision: confirmed, passed, released, settled, rejected",
    )
    async def follow_up(end_to_end_id: str, request: Request) -> Response:
        raw = await told_body(request, parts)
        told, supplied = parse_follow_up(raw, end_to_end_id)
        check_supplied(parts.decisions.clock, supplied)
        caller = caller_name(request.scope)
        pending = parts.follow_ups.tell(told, supplied_received_at=supplied, caller=caller)
        taken = await durable(pending, seconds_max=parts.limits.answer_seconds_max)
        parts.telemetry.followed_up(told.step.value)
        body = FollowUpTaken(
            end_to_end_id=end_to_end_id,
            phase=told.phase.value,
            event=told.step.value,
            event_id=taken.event_id.hex(),
            received_at=format_rfc3339(taken.received_at),
        )
        return Response(
            msgspec.json.encode(body),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    return router

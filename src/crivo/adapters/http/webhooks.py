"""The delivery log of webhooks over HTTP: what became of each, and what is to be sent again."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from crivo.adapters.http.bodies import decode_body
from crivo.adapters.http.openapi import answer_of, operation_with
from crivo.adapters.http.service import Parts
from crivo.adapters.http.told_body import told_body
from crivo.adapters.http.webhook_bodies import (
    DeliveriesAnswer,
    DeliveryAnswer,
    ResendBody,
    ResentAnswer,
)
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import format_rfc3339
from crivo.flows.decision_index import LAST
from crivo.flows.webhook_deliveries import (
    PAGE_DEFAULT,
    PAGE_MAX,
    Deliveries,
    Delivery,
    DeliveryState,
)

EXAMPLE: Final = {"subscription": "cases"}

_RESEND: Final = msgspec.json.Decoder(ResendBody)
_LOGGER: Final = logging.getLogger("crivo.webhooks")


def webhook_routes(parts: Parts) -> APIRouter:
    """The routes of webhooks. Their file may be slow: the loop does not wait for it."""
    router = APIRouter(tags=["webhooks"])

    @router.get(
        "/v1/webhooks/deliveries",
        responses=answer_of("DeliveriesAnswer"),
        summary="What became of webhooks: those that wait, were delivered or were given up",
    )
    async def deliveries(
        subscription: Annotated[str, Query(min_length=1, max_length=32)],
        state: DeliveryState | None = None,
        before: Annotated[int | None, Query(ge=0, le=LAST)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
    ) -> Response:
        found = await asyncio.to_thread(
            _require(parts).page,
            subscription=subscription,
            state=state,
            before=before,
            limit=limit,
        )
        last = found[-1].seq if len(found) == limit else None
        return _json(DeliveriesAnswer(tuple(map(_answer, found)), last))

    @router.post(
        "/v1/webhooks/resend",
        openapi_extra=operation_with("ResendBody", EXAMPLE),
        responses=answer_of("ResentAnswer"),
        summary="Send webhooks again that were given up",
    )
    async def resend(request: Request) -> Response:
        body = decode_body(_RESEND, await told_body(request, parts))
        count = await asyncio.to_thread(
            _require(parts).resend,
            subscription=body.subscription,
            webhook_id=body.webhook_id,
            now=parts.now(),
        )
        _LOGGER.info("webhooks.resent", extra={"facts": {"deliveries": count}})
        return _json(ResentAnswer(body.subscription, count))

    return router


def _require(parts: Parts) -> Deliveries:
    if parts.deliveries is None:
        raise Refused(
            Code.NOT_FOUND,
            "this service sends no webhooks",
            hint="CRIVO_WEBHOOKS__FILE names the file of subscriptions.",
            field="subscription",
            expected="a subscription of this service",
            found="none",
        )
    return parts.deliveries


def _answer(delivery: Delivery) -> DeliveryAnswer:
    waits = delivery.state is DeliveryState.WAITING
    ended_at = delivery.ended_at
    return DeliveryAnswer(
        subscription=delivery.subscription,
        webhook_id=delivery.webhook_id,
        seq=delivery.seq,
        kind=delivery.kind,
        state=delivery.state.value,
        attempts=delivery.attempts,
        made_at=format_rfc3339(delivery.made_at),
        due_at=format_rfc3339(delivery.due_at) if waits else None,
        ended_at=None if ended_at is None else format_rfc3339(ended_at),
        status=delivery.status,
        failure=None if delivery.failure is None else delivery.failure.value,
    )


def _json(value: msgspec.Struct) -> Response:
    return Response(
        msgspec.json.encode(value),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )

"""Identities over HTTP: `POST /v1/reveals` and `POST /v1/erasures`; both leave an event."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from crivo.adapters.http.access import caller_name
from crivo.adapters.http.bodies import decode_body
from crivo.adapters.http.openapi import answer_of, operation_with
from crivo.adapters.http.privacy_bodies import (
    ErasedAnswer,
    ErasureBody,
    ErasuresAnswer,
    LeftAnswer,
    NamedAnswer,
    RevealAnswer,
    RevealBody,
)
from crivo.adapters.http.service import Parts
from crivo.adapters.http.told_body import told_body
from crivo.domain.erasure import Erasure
from crivo.domain.fields import as_word
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.instant import format_rfc3339
from crivo.domain.phase import Phase
from crivo.flows import erase
from crivo.governance.identity import Role

REVEAL_EXAMPLE: Final = {
    "end_to_end_id": "E12345678202611231200abcDEF12345",
    "by": "ana",
    "reason": "case 17",
}
ERASURE_EXAMPLE: Final = {"person": "111.444.777-35", "by": "dpo", "reason": "letter 7"}

_REVEAL: Final = msgspec.json.Decoder(RevealBody)
_ERASURE: Final = msgspec.json.Decoder(ErasureBody)

_Body = TypeVar("_Body", bound=msgspec.Struct)


def privacy_routes(parts: Parts) -> APIRouter:
    """The routes that reveal and erase. They read the log and wait for it beside the loop."""
    router = APIRouter(tags=["identities"])

    @router.post(
        "/v1/reveals",
        openapi_extra=operation_with("RevealBody", REVEAL_EXAMPLE),
        responses=answer_of("RevealAnswer"),
        summary="Read what the parties of a decision are called, and say why",
    )
    async def reveal(request: Request) -> Response:
        body = await _body(request, parts, _REVEAL)
        end_to_end_id_minute(body.end_to_end_id)
        asked, phase = _asked(request, body.by, body.reason), body.phase or Phase.INITIATION
        found = await asyncio.to_thread(
            parts.privacy.reveal, body.end_to_end_id, asked, phase=phase
        )
        named = {role: None if role not in found else _named(found[role]) for role in Role}
        return _json(RevealAnswer(body.end_to_end_id, phase, named[Role.PAYER], named[Role.PAYEE]))

    @router.post(
        "/v1/erasures",
        openapi_extra=operation_with("ErasureBody", ERASURE_EXAMPLE),
        responses=answer_of("ErasuresAnswer"),
        summary="Delete a person's keys, so that nobody reads what was sealed under them",
    )
    async def erased(request: Request) -> Response:
        body = await _body(request, parts, _ERASURE)
        asked = _asked(request, body.by, body.reason, overrides=body.override is True)
        found = await asyncio.to_thread(parts.privacy.erase, body.person, asked)
        left = (LeftAnswer(each.records, each.end_to_end_id, each.phase) for each in found.left)
        return _json(ErasuresAnswer(tuple(map(_erased, found.erasures)), tuple(left)))

    return router


def _asked(request: Request, by: str, reason: str, *, overrides: bool = False) -> erase.Request:
    """Who asks, and why. Whose key or token asked stands first: `by` alone is anybody's word."""
    asked = erase.Request(by, reason, overrides)
    caller = caller_name(request.scope)
    if caller is None:
        return asked
    return replace(asked, by=as_word(f"{caller}: {by}"))


async def _body(request: Request, parts: Parts, decoder: msgspec.json.Decoder[_Body]) -> _Body:
    return decode_body(decoder, await told_body(request, parts))


def _named(named: dict[str, str] | None) -> NamedAnswer:
    return NamedAnswer(erased=True) if named is None else NamedAnswer(erased=False, **named)


def _erased(erasure: Erasure) -> ErasedAnswer:
    newest = erasure.newest_at
    return ErasedAnswer(
        erasure.erasure_id,
        erasure.records,
        None if newest is None else format_rfc3339(newest),
        erasure.is_early,
    )


def _json(value: msgspec.Struct) -> Response:
    return Response(
        msgspec.json.encode(value),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )

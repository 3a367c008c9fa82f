"""Looking decisions up by payer, outcome and receipt: `GET /v1/decisions`, page by page."""

from __future__ import annotations

import asyncio
import base64
import binascii
import struct
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response

from crivo.adapters.http.answers import FoundDecisions, found_decision
from crivo.adapters.http.openapi import answer_of
from crivo.decision.outcome import parse_outcome
from crivo.domain.errors import Code, invalid
from crivo.domain.instant import EARLIEST, LATEST, parse_rfc3339
from crivo.flows.decision_index import (
    LAST,
    PAGE_DEFAULT,
    PAGE_MAX,
    DecisionIndex,
    DecisionQuery,
    IndexedDecision,
)
from crivo.governance.pseudonym import ID_CHARACTERS_MAX, IdDomain, Pseudonymiser

#: The sequence number of the last decision of a page.
_CURSOR: Final = struct.Struct(">Q")


def search_routes(index: DecisionIndex, pseudonyms: Pseudonymiser) -> APIRouter:
    """The route that looks decisions up."""
    router = APIRouter()

    @router.get(
        "/v1/decisions",
        responses=answer_of("FoundDecisions"),
        tags=["decisions"],
        summary="Decisions of a payer, of an outcome, or of a time, the newest first",
    )
    async def search(
        payer: Annotated[str | None, Query(min_length=1, max_length=ID_CHARACTERS_MAX)] = None,
        outcome: Annotated[str | None, Query(max_length=16)] = None,
        since: Annotated[str | None, Query(alias="from", max_length=32)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=32)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        query = DecisionQuery(
            payer_id=None
            if payer is None
            else pseudonyms.known(IdDomain.ACCOUNT, payer, field="payer"),
            outcome=None if outcome is None else parse_outcome(outcome, field="outcome").value,
            since=EARLIEST if since is None else parse_rfc3339(since, field="from"),
            until=LATEST if until is None else parse_rfc3339(until, field="to"),
            before=None if cursor is None else parse_cursor(cursor),
            limit=limit,
        )
        if query.until < query.since:
            raise invalid(
                Code.FIELD_VALUE, field="to", expected=f"{since} or later, as from", found=until
            )
        # The table may be large and its disk slow: the loop does not wait for it.
        page = await asyncio.to_thread(_page, index, query)
        return Response(
            msgspec.json.encode(page),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    return router


def make_cursor(last: IndexedDecision) -> str:
    """What asks for the decisions behind this one: text that only `parse_cursor` reads."""
    return place_cursor(last.seq)


def place_cursor(before: int) -> str:
    """What asks for the decisions below a sequence number."""
    return base64.urlsafe_b64encode(_CURSOR.pack(before)).decode().rstrip("=")


def parse_cursor(text: str) -> int:
    """The sequence number that a cursor stands for.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        (seq,) = _CURSOR.unpack(raw)
        if seq > LAST:
            raise ValueError(text)
    except (binascii.Error, struct.error, ValueError):
        raise invalid(
            Code.FIELD_VALUE, field="cursor", expected="the cursor of an answer", found=text
        ) from None
    return int(seq)


def _page(index: DecisionIndex, query: DecisionQuery) -> FoundDecisions:
    as_of = index.reached()
    found = index.search(query)
    is_last = len(found) < query.limit
    return FoundDecisions(
        decisions=tuple(map(found_decision, found)),
        cursor=None if is_last else make_cursor(found[-1]),
        as_of=as_of,
    )

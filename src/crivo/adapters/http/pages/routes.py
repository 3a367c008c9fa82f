"""The pages that a person reads beside the live one: search, a decision, its proof, the queue of
reviews, the model, and health. Each needs an open session.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from crivo.adapters.http.hot import check_ready, durable
from crivo.adapters.http.pages.decision import decision_values, proof_values
from crivo.adapters.http.pages.lists import search_values
from crivo.adapters.http.pages.model import health_values, model_values
from crivo.adapters.http.pages.queue import parse_answer, queue_values
from crivo.adapters.http.pages.render import address, language_of, page
from crivo.adapters.http.receive import read_body
from crivo.adapters.http.service import Parts
from crivo.decision.reason_texts import Language
from crivo.domain.errors import Code, invalid
from crivo.domain.fields import as_word
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.phase import Phase
from crivo.flows.verdicts import parse_verdict, verdict_report_id

#: A form of a verdict: an id, a word and a token.
FORM_BYTES_MAX: Final = 1_024


def pages_routes(parts: Parts) -> APIRouter:
    """The routes of the pages."""
    router = APIRouter(include_in_schema=False)
    _add_decisions(router, parts)
    _add_reviews(router, parts)
    _add_service(router, parts)
    return router


def _add_decisions(router: APIRouter, parts: Parts) -> None:
    @router.get("/page/search")
    async def search(request: Request) -> Response:
        language = language_of(request)
        asked = dict(request.query_params)
        values = await asyncio.to_thread(search_values, parts, asked)
        return page(request, "search.html", language=language, **values)

    @router.get("/page/decision/{end_to_end_id}")
    async def decision(request: Request, end_to_end_id: str) -> Response:
        language = language_of(request)
        end_to_end_id_minute(end_to_end_id)
        phase = _phase(request)
        values = await asyncio.to_thread(decision_values, parts, end_to_end_id, phase, language)
        return page(request, "decision.html", language=language, **values)

    @router.get("/page/proof/{end_to_end_id}")
    async def proof(request: Request, end_to_end_id: str) -> Response:
        language = language_of(request)
        end_to_end_id_minute(end_to_end_id)
        phase = _phase(request)
        values = await asyncio.to_thread(proof_values, parts, end_to_end_id, phase, language)
        return page(request, "proof.html", language=language, **values)


def _add_reviews(router: APIRouter, parts: Parts) -> None:
    @router.get("/page/reviews")
    async def reviews(request: Request) -> Response:
        language = language_of(request)
        values = await queue_values(parts, request.query_params)
        csrf = parts.page.verdict_token(request.scope)
        return page(request, "reviews.html", language=language, csrf=csrf, **values)

    @router.post("/page/verdicts")
    async def verdict(request: Request) -> Response:
        language = language_of(request)
        form, caller = await _reviewed(request, parts)
        status = parse_verdict(form.get("verdict", "")).status
        end_to_end_id = form.get("id", "")
        pending = parts.reports.report(
            report_id=verdict_report_id(end_to_end_id),
            status=status,
            end_to_end_id=end_to_end_id,
            reviewer=as_word(caller),
            caller=caller,
        )
        await durable(pending, seconds_max=parts.limits.answer_seconds_max)
        parts.telemetry.reported(status.value)
        return _back_to_the_queue(language, verdict=end_to_end_id)

    @router.post("/page/answers")
    async def answer(request: Request) -> Response:
        language = language_of(request)
        form, caller = await _reviewed(request, parts)
        asked = parse_answer(form, reviewer=as_word(caller))
        pending = parts.reviews.take(asked, supplied_received_at=None, caller=caller)
        await durable(pending, seconds_max=parts.limits.answer_seconds_max)
        parts.telemetry.reviewed(asked.status.value)
        return _back_to_the_queue(
            language, answer=asked.end_to_end_id, side=asked.side.value, phase=asked.phase.value
        )


def _add_service(router: APIRouter, parts: Parts) -> None:
    @router.get("/page/model")
    async def model(request: Request) -> Response:
        language = language_of(request)
        values = await asyncio.to_thread(model_values, parts, language)
        return page(request, "model.html", language=language, **values)

    @router.get("/page/health")
    async def health(request: Request) -> Response:
        language = language_of(request)
        values = await asyncio.to_thread(health_values, parts, language)
        return page(request, "health.html", language=language, **values)


def _phase(request: Request) -> Phase:
    text = request.query_params.get("phase", Phase.INITIATION.value)
    if text not in set(Phase):
        raise invalid(
            Code.FIELD_VALUE, field="phase", expected="one of " + ", ".join(Phase), found=text
        )
    return Phase(text)


async def _form(request: Request, parts: Parts) -> dict[str, str]:
    raw = await read_body(
        request.receive,
        bytes_max=FORM_BYTES_MAX,
        seconds_max=parts.limits.body_seconds_max,
    )
    return dict(parse_qsl(raw.decode("latin-1")))


async def _reviewed(request: Request, parts: Parts) -> tuple[dict[str, str], str]:
    """A reviewer's form, and who that is, while decisions are taken."""
    form = await _form(request, parts)
    reviewer = parts.page.reviewer(request.scope, form.get("csrf", ""))
    check_ready(parts)
    return form, reviewer


def _back_to_the_queue(language: Language, **done: str) -> Response:
    """To the page of the queue, which says what the log holds of what was `done`."""
    location = address("/page/reviews", done, language=language)
    return Response(status_code=303, headers={"location": location, "cache-control": "no-store"})

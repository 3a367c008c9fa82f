"""The application: hot routes first, FastAPI for everything else, one gate in front of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from crivo.adapters.http import batch
from crivo.adapters.http.access import caller_name, check_answerer
from crivo.adapters.http.answers import (
    event_body,
    explanation_body,
    found_body,
    report_body,
)
from crivo.adapters.http.bodies import parse_report, parse_told
from crivo.adapters.http.follow_up import follow_up_routes
from crivo.adapters.http.gate import Gate
from crivo.adapters.http.hot import HotRoutes, check_ready, durable
from crivo.adapters.http.mistyped import mistyped_parameter
from crivo.adapters.http.openapi import (
    EVENTS,
    answer_of,
    complete,
    report_operation,
)
from crivo.adapters.http.page import page_routes
from crivo.adapters.http.pages.render import is_for_a_person, refused_page
from crivo.adapters.http.pages.routes import pages_routes
from crivo.adapters.http.privacy import privacy_routes
from crivo.adapters.http.problems import Problem, internal_problem, problem_of
from crivo.adapters.http.receive import Disconnected
from crivo.adapters.http.refusal import RefusalResponse
from crivo.adapters.http.reviews import review_routes
from crivo.adapters.http.search import search_routes
from crivo.adapters.http.service import Parts, Telemetry
from crivo.adapters.http.stream import Streams, stream_routes
from crivo.adapters.http.told_body import told_body
from crivo.adapters.http.webhooks import webhook_routes
from crivo.domain.errors import Code, CrivoError, Refused
from crivo.domain.fields import as_word, check_printable
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.phase import Phase
from crivo.flows.answers import no_decision
from crivo.flows.following import followed
from crivo.flows.receiving import check_supplied
from crivo.flows.verdicts import check_verdict, is_verdict
from crivo.model.artifact import Artifact


class Application(FastAPI):
    """A FastAPI application whose hot routes pass its router by."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(
            title="Crivo",
            version=parts.version,
            description="Decides Pix transfers in milliseconds, and can prove each decision later.",
            # The interactive pages load scripts from elsewhere; the document itself is served.
            docs_url=None,
            redoc_url=None,
            # A path with one stroke too many is none: a redirect would go where `Host` says.
            redirect_slashes=False,
            lifespan=lambda _: parts.running(),
        )
        self._parts: Final = parts
        self._gate: Final = Gate(
            super().__call__,
            keys=parts.keys,
            page=parts.page,
            telemetry=parts.telemetry,
            monotonic_ns=parts.monotonic_ns,
            key_rate_max=parts.limits.key_rate_max,
        )
        #: The server says when it stops.
        self.is_stopping: Callable[[], bool] = lambda: False
        self.hot: Final = HotRoutes(self._gate, parts)
        self.hot.paths[batch.PATH] = batch.batch_route(self.hot)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.hot.takes(scope):
            await self.hot(scope, receive, send)
        else:
            await self._gate(scope, receive, send)

    def stops(self) -> bool:
        """Whether the server stops: what would never end by itself ends then."""
        return self.is_stopping()

    def openapi(self) -> dict[str, Any]:
        """FastAPI's document with the hot routes in it."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi(), _artifact(self._parts).input_names)
        return self.openapi_schema


def create_app(parts: Parts) -> Application:
    """The whole HTTP door over `parts`; it starts nothing."""
    app = Application(parts)
    _add_decision_routes(app, parts)
    _add_telling_routes(app, parts)
    _add_health_routes(app, parts)
    app.include_router(stream_routes(Streams(parts.feed, is_stopping=app.stops)))
    app.include_router(search_routes(parts.index, parts.pseudonyms))
    app.include_router(review_routes(parts))
    app.include_router(privacy_routes(parts))
    app.include_router(follow_up_routes(parts))
    app.include_router(webhook_routes(parts))
    app.include_router(page_routes(parts.page, parts.feed, parts.limits))
    app.include_router(pages_routes(parts))
    _add_problem_handlers(app, parts.telemetry)
    return app


def _add_decision_routes(app: FastAPI, parts: Parts) -> None:
    @app.get(
        "/v1/decisions/{end_to_end_id}",
        responses=answer_of("DecisionFound"),
        tags=["decisions"],
        summary="The decision on a transfer, and what followed it",
    )
    async def decision(end_to_end_id: str, phase: Phase = Phase.INITIATION) -> Response:
        end_to_end_id_minute(end_to_end_id)
        answer = parts.decisions.find(end_to_end_id, phase)
        if answer is None:
            raise no_decision(end_to_end_id)
        log = parts.decisions.log
        found = followed(log, answer.end_to_end_id, answer.phase)
        events = [each for each in found if each.seq < log.end()]
        return _json(found_body(answer, events))

    @app.get(
        "/v1/decisions/{end_to_end_id}/explanation",
        responses=answer_of("ExplanationAnswer"),
        tags=["decisions"],
        summary="What a decision followed from: rules, and what each input of the model added",
    )
    async def explanation(end_to_end_id: str, phase: Phase = Phase.INITIATION) -> Response:
        end_to_end_id_minute(end_to_end_id)
        # The bundle of an earlier decision is read from its folder: the loop does not wait for it.
        found = await asyncio.to_thread(parts.explainer.explain, end_to_end_id, phase)
        return _json(explanation_body(found))

    @app.get("/v1/model", tags=["model"], summary="The served model and its signature")
    async def model() -> Mapping[str, Any]:
        artifact = _artifact(parts)
        return {
            "hash": artifact.hash,
            "kind": artifact.kind.value,
            "signature": artifact.signature,
            "features": artifact.set_hash,
            "plan": artifact.plan_hash,
            "metadata": artifact.metadata,
        }


def _add_telling_routes(app: FastAPI, parts: Parts) -> None:
    @app.post(
        "/v1/reports",
        openapi_extra=report_operation(),
        responses=answer_of("ReportTaken"),
        tags=["reports"],
        summary="Claim that a transfer was fraud, or give an analyst's verdict",
    )
    async def report(request: Request) -> Response:
        raw = await told_body(request, parts)
        claim, status, supplied = parse_report(raw)
        check_printable(claim.report_id, field="report_id")
        caller, reviewer = caller_name(request.scope), None
        if is_verdict(claim.report_id):
            check_answerer(request.scope, asked="give a verdict")
            check_verdict(claim.report_id, claim.end_to_end_id, status)
            reviewer = None if caller is None else as_word(caller)
        check_supplied(parts.decisions.clock, supplied)
        pending = parts.reports.report(
            report_id=claim.report_id,
            status=status,
            end_to_end_id=claim.end_to_end_id,
            supplied_received_at=supplied,
            reviewer=reviewer,
            caller=caller,
        )
        answer = await durable(pending, seconds_max=parts.limits.answer_seconds_max)
        parts.telemetry.reported(status.value)
        return _json(report_body(answer))

    @app.post(
        EVENTS,
        responses=answer_of("EventTaken"),
        tags=["events"],
        summary="Tell of a log-in, a device, a limit, the directory, or the rail",
    )
    async def event(kind: str, request: Request) -> Response:
        raw = await told_body(request, parts)
        document, supplied = parse_told(raw)
        check_supplied(parts.decisions.clock, supplied)
        pending = parts.telling.tell(
            kind, document, supplied_received_at=supplied, caller=caller_name(request.scope)
        )
        answer = await durable(pending, seconds_max=parts.limits.answer_seconds_max)
        parts.telemetry.told(answer.schema)
        return _json(event_body(answer))


def _add_health_routes(app: FastAPI, parts: Parts) -> None:
    @app.get("/health/live", tags=["health"], summary="Whether the process answers")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"], summary="Whether transfers are taken")
    async def ready() -> dict[str, str]:
        check_ready(parts)
        parts.check_log()
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(parts.telemetry.render(), media_type=parts.telemetry.media_type)


def _add_problem_handlers(app: FastAPI, telemetry: Telemetry) -> None:
    @app.exception_handler(CrivoError)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, CrivoError)
        problem = problem_of(error)
        if problem.status == 500:
            telemetry.failed("other")
        return _problem(request, problem)

    @app.exception_handler(RequestValidationError)
    async def mistyped(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _problem(request, problem_of(mistyped_parameter(error.errors()[0])))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            refusal = Refused(
                Code.METHOD_NOT_ALLOWED,
                "the path answers another method",
                field="method",
                expected=(error.headers or {}).get("Allow"),
                found=request.method,
            )
        else:
            refusal = Refused(
                Code.NOT_FOUND,
                "there is no such path",
                hint="GET /openapi.json lists every path.",
                field="path",
                expected="a path of GET /openapi.json",
                found=request.url.path[:80],
            )
        return _problem(request, problem_of(refusal))

    @app.exception_handler(Disconnected)
    async def disconnected(request: Request, error: Exception) -> Response:
        # Nobody reads this answer.
        return Response(status_code=499)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        # The server logs the traceback: Starlette raises the error again after this answer.
        telemetry.failed("other")
        return _problem(request, internal_problem())


def _artifact(parts: Parts) -> Artifact:
    return parts.decisions.bundle.artifact


def _problem(request: Request, problem: Problem) -> Response:
    request.scope["problem_code"] = problem.code
    if is_for_a_person(request.url.path):
        return refused_page(request, problem)
    return RefusalResponse(problem)


def _json(value: msgspec.Struct) -> Response:
    return Response(
        msgspec.json.encode(value),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )

"""The two hot routes as plain ASGI: `POST /v1/decisions` and `POST /predict`.

FastAPI's own routing costs about a third of a process's capacity, so these pass it by; they stay in
its OpenAPI document, behind the same gate, and refuse with the same problem documents.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from crivo.adapters.http.answers import (
    ScoreAnswer,
    ScoresAnswer,
    decision_answer,
    page_decision,
    respond,
    respond_json,
)
from crivo.adapters.http.bodies import Pseudonyms, parse_decision, parse_rows
from crivo.adapters.http.feed import Feed
from crivo.adapters.http.gate import Gate
from crivo.adapters.http.problems import internal_problem, problem_of, render
from crivo.adapters.http.receive import Disconnected, read_json_body
from crivo.adapters.http.service import Answered, DecisionDoor, Limits, Predictor, Telemetry
from crivo.domain.errors import Code, CrivoError, Refused, Unavailable

#: Rows scored before the loop gets its turn: about a millisecond of a forest of 200 trees.
PREDICT_SLICE_ROWS: Final = 64

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]

_ENCODER: Final = msgspec.json.Encoder()


class HotRoutes:
    """Both routes with what they share: the gate, the limits, the count of requests in flight."""

    def __init__(
        self,
        *,
        gate: Gate,
        door: DecisionDoor,
        predictor: Predictor,
        pseudonyms: Pseudonyms,
        feed: Feed,
        telemetry: Telemetry,
        limits: Limits,
    ) -> None:
        self._gate = gate
        self._door = door
        self._predictor = predictor
        self._pseudonyms = pseudonyms
        self._feed = feed
        self._telemetry = telemetry
        self._limits = limits
        self._flying = 0
        self.paths: Final[dict[str, Handler]] = {
            "/v1/decisions": self._decide,
            "/predict": self._predict,
        }

    @property
    def in_flight(self) -> int:
        """Requests that are being answered now."""
        return self._flying

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request to one of `paths`, whatever is in it."""
        route = scope["path"]
        self._flying += 1
        self._telemetry.flying(self._flying)
        status, code = 0, ""
        try:
            self._gate.check(scope)
            _check_method(scope)
            if self._flying > self._limits.in_flight_max:
                raise _overloaded(self._limits.in_flight_max)
            await self.paths[route](scope, receive, send)
            status = 200
        except CrivoError as error:
            problem = problem_of(error)
            status, code = problem.status, problem.code
            await respond(send, *render(problem))
        except Disconnected:
            status = 499
        finally:
            self._flying -= 1
            self._telemetry.flying(self._flying)
            if not status:
                # A bug: it goes on to the server, which logs it; the caller hears only that it is.
                status, code = 500, Code.INTERNAL
                self._telemetry.failed(route)
                await respond(send, *render(internal_problem()))
            self._telemetry.answered(route, status, code)

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        raw = await read_json_body(
            scope,
            receive,
            bytes_max=self._limits.decision_bytes_max,
            seconds_max=self._limits.body_seconds_max,
        )
        transfer, supplied = parse_decision(raw, self._pseudonyms)
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Answered] = loop.create_future()
        self._door.decide(transfer, supplied, partial(_settle, waiting))
        answered = await self._durable(waiting)
        answer = decision_answer(answered.record, answered.received_at)
        await respond_json(send, _ENCODER.encode(answer))
        if not answered.repeat:
            self._telemetry.decided(answer.outcome, answer.degraded, answered.stages)
            self._feed.add(page_decision(answered.record, answer))
        self._telemetry.decision_answered(time.perf_counter() - started, repeat=answered.repeat)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await read_json_body(
            scope,
            receive,
            bytes_max=self._limits.predict_bytes_max,
            seconds_max=self._limits.body_seconds_max,
        )
        predictor = self._predictor
        rows, many = parse_rows(raw, predictor.input_names, rows_max=self._limits.predict_rows_max)
        scores: list[int] = []
        for start in range(0, len(rows), PREDICT_SLICE_ROWS):
            if start:
                # Decisions that wait get their turn between the slices of a long list.
                await asyncio.sleep(0)
            scores += predictor.scores(rows[start : start + PREDICT_SLICE_ROWS])
        answer: ScoreAnswer | ScoresAnswer
        if many:
            answer = ScoresAnswer(scores, predictor.model_hash)
        else:
            answer = ScoreAnswer(scores[0], predictor.model_hash)
        await respond_json(send, _ENCODER.encode(answer))
        self._telemetry.predicted(len(rows))

    async def _durable(self, waiting: asyncio.Future[Answered]) -> Answered:
        try:
            async with asyncio.timeout(self._limits.answer_seconds_max):
                return await waiting
        except TimeoutError:
            raise _not_durable(self._limits.answer_seconds_max) from None


def _settle(waiting: asyncio.Future[Answered], result: Answered | Exception) -> None:
    if waiting.done():
        # The caller went away, or gave up; the decision stands, and a repeat finds it.
        return
    if isinstance(result, Exception):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)


def _check_method(scope: Scope) -> None:
    if scope["method"] != "POST":
        raise Refused(
            Code.METHOD_NOT_ALLOWED,
            f"{scope['path']} answers POST",
            field="method",
            expected="POST",
            found=scope["method"],
        )


def _overloaded(in_flight_max: int) -> Unavailable:
    return Unavailable(
        Code.OVERLOADED,
        "too many requests are being answered",
        hint="Send the same request again in a moment.",
        expected=f"at most {in_flight_max} in flight",
    )


def _not_durable(seconds: float) -> Unavailable:
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the decision was not on disk within {seconds:g} s",
        hint="Send the same request again: the first durable answer stands.",
    )

"""The two hot routes as plain ASGI: `POST /v1/decisions` and `POST /predict`.

FastAPI's own routing costs about a third of a process's capacity, so these pass it by; they stay in
its OpenAPI document, behind the same gate, and refuse with the same problem documents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from crivo.adapters.http.access import caller_name
from crivo.adapters.http.answers import (
    ScoreAnswer,
    ScoresAnswer,
    encode_decision,
    respond,
    respond_json,
)
from crivo.adapters.http.bodies import parse_asked, parse_rows
from crivo.adapters.http.gate import Gate
from crivo.adapters.http.pacs008 import parse_pacs008
from crivo.adapters.http.plain_row import plain_row
from crivo.adapters.http.problems import internal_problem, problem_of, render, status_of
from crivo.adapters.http.rate import Bucket
from crivo.adapters.http.receive import Disconnected, header, is_xml, read_json_body
from crivo.adapters.http.refusal import refuse
from crivo.adapters.http.service import Parts
from crivo.domain.errors import Code, CrivoError, Refused, Unavailable, invalid
from crivo.domain.phase import Phase
from crivo.flows.answers import Answer
from crivo.flows.pending import Pending
from crivo.flows.predict import predict, predictions
from crivo.flows.receiving import check_supplied

#: The path of the hottest route.
DECISIONS: Final = "/v1/decisions"

#: The header of W3C's Trace Context in which a caller names its trace.
TRACE_PARENT: Final = b"traceparent"

#: Rows scored before the loop gets its turn: about a millisecond of a forest of 200 trees.
PREDICT_SLICE_ROWS: Final = 64

#: How much of a second's requests may come at once where a rate is set: what waits then is little.
SHED_BURST_SECONDS: Final = 0.02

Value = TypeVar("Value")
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class Sequenced:
    """A decision that waits for the disk, and the instants at which it got further."""

    __slots__ = (
        "_arrived_ns",
        "_durable_ns",
        "_is_repeat",
        "_parts",
        "_scope",
        "_sequenced_ns",
        "pending",
    )

    def __init__(
        self,
        parts: Parts,
        pending: Pending[Answer],
        arrived_ns: int,
        *,
        scope: Scope,
        is_repeat: bool,
    ) -> None:
        self.pending: Final = pending
        self._parts = parts
        self._scope = scope
        self._arrived_ns = arrived_ns
        self._is_repeat = is_repeat
        self._sequenced_ns = self._durable_ns = parts.monotonic_ns()

    def is_durable(self) -> None:
        """The log has it on disk."""
        self._durable_ns = self._parts.monotonic_ns()

    def is_answered(self) -> None:
        """Its answer has left."""
        parts, answered_ns = self._parts, self._parts.monotonic_ns()
        parts.telemetry.decisions_answered(
            (answered_ns - self._arrived_ns) / 1e9,
            (self._durable_ns - self._sequenced_ns) / 1e9,
            decisions=1,
            repeats=int(self._is_repeat),
        )
        if parts.traces is not None:
            instants_ns = (self._arrived_ns, self._sequenced_ns, self._durable_ns, answered_ns)
            parent = header(self._scope, TRACE_PARENT)
            parts.traces.answered(DECISIONS, parent, self.pending.result(), instants_ns)


class HotRoutes:
    """Both routes with what they share: the gate, the limits, the count of requests in flight."""

    def __init__(self, gate: Gate, parts: Parts) -> None:
        self._gate = gate
        self.parts: Final = parts
        self._telemetry = parts.telemetry
        self._limits = parts.limits
        self._flying = 0
        self._flight_expected = f"at most {parts.limits.in_flight_max} in flight"
        rates = [parts.limits.rate_max, parts.limits.key_rate_max]
        seconds = [max(1, int(rate)) for rate in rates if rate is not None]
        #: Transfers of one batch: no more than a second's rate of all or of a key, so that what it
        #: leaves to pay is paid within the second that `Retry-After` says.
        self.batch_max = min([parts.limits.batch_max, *seconds])
        self._rate, self._rate_expected = None, ""
        if (rate := parts.limits.rate_max) is not None:
            burst = max(1, int(rate * SHED_BURST_SECONDS))
            self._rate, self._rate_expected = (
                Bucket(per_second=rate, burst=burst),
                f"at most {rate:g} a second",
            )
        self.paths: Final[dict[str, Handler]] = {
            DECISIONS: self._decide,
            "/predict": self._predict,
        }

    def takes(self, scope: Scope) -> bool:
        """Whether this request is one of these routes'; looking decisions up is not."""
        path = scope["path"]
        return path in self.paths and not (path == DECISIONS and scope["method"] == "GET")

    @property
    def in_flight(self) -> int:
        """Requests that are being answered now."""
        return self._flying

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request to one of `paths`, whatever is in it."""
        route = scope["path"]
        self.arrived()
        status, code = 0, ""
        try:
            self.admit(scope)
            await self.paths[route](scope, receive, send)
            status = 200
        except CrivoError as error:
            problem = problem_of(error)
            status, code = problem.status, problem.code
            await refuse(receive, send, problem)
        except (Disconnected, asyncio.CancelledError) as gone:
            status = 499
            if isinstance(gone, asyncio.CancelledError):
                raise
        finally:
            if not status:
                # A bug: it goes on to the server, which logs it; the caller hears only that it is.
                status, code = 500, Code.INTERNAL
                await respond(send, *render(internal_problem()))
            self.left(route, status, code)

    def arrived(self) -> None:
        """A request is being answered from here on; `left` ends it."""
        self._flying += 1

    def admit(self, scope: Scope) -> None:
        """Nothing, if the request may be answered.

        Raises:
            Refused, Unavailable: as `Gate.check`, METHOD_NOT_ALLOWED, OVERLOADED.
        """
        self._gate.check(scope)
        _check_method(scope)
        if self._flying > self._limits.in_flight_max:
            raise overloaded(self._flight_expected)
        if self._rate is not None and self._rate.take(self.parts.monotonic_ns()):
            raise overloaded(self._rate_expected)

    def charge(self, scope: Scope, transfers: int) -> None:
        """An admitted request brings so many transfers: each counts in both rates.

        What is none counts, too, as it does where it comes alone: a refusal costs its reading.
        """
        self._gate.charge(scope, transfers)
        if self._rate is not None:
            self._rate.owe(transfers - 1, self.parts.monotonic_ns())

    def overflow(self) -> str:
        """Which limit has no room for one more request, as `overloaded` says it; else nothing."""
        if self._flying >= self._limits.in_flight_max:
            return self._flight_expected
        if self._rate is not None and self._rate.is_empty(self.parts.monotonic_ns()):
            return self._rate_expected
        return ""

    def turned_away(self) -> None:
        """A request for a decision was refused before it was read."""
        self._telemetry.answered(DECISIONS, status_of(Code.OVERLOADED), Code.OVERLOADED)

    def not_understood(self, code: Code) -> None:
        """What came on a connection was no request of HTTP/1.1, and was refused by this code."""
        self._telemetry.answered("other", status_of(code), code)

    def left(self, route: str, status: int, code: str) -> None:
        """A request got its answer, or nobody waits for one any more (499)."""
        self._flying -= 1
        if status == 500:
            self._telemetry.failed(route)
        self._telemetry.answered(route, status, code)

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived_ns = self.parts.monotonic_ns()
        raw = await read_json_body(
            scope,
            receive,
            bytes_max=self._limits.decision_bytes_max,
            seconds_max=self._limits.body_seconds_max,
            or_xml=True,
        )
        sequenced = self.sequence(scope, raw, arrived_ns=arrived_ns, xml=is_xml(scope))
        answer = await durable(sequenced.pending, seconds_max=self._limits.answer_seconds_max)
        sequenced.is_durable()
        await respond_json(send, encode_decision(answer))
        sequenced.is_answered()

    def sequence(
        self, scope: Scope, raw: bytes, *, arrived_ns: int, xml: bool = False
    ) -> Sequenced:
        """The transfer of a body in JSON, or in XML, decided and on its way to the disk.

        Raises:
            Refused, Unavailable: as `parse_asked`, `parse_pacs008` and `DecisionService.decide`,
                NOT_READY, and FIELD_UNKNOWN or FIELD_VALUE for the query.
        """
        parts = self.parts
        check_ready(parts)
        phase = _asked_phase(scope, xml=xml)
        if xml:
            transfer, supplied, identity = parse_pacs008(raw, parts.pseudonyms)
        else:
            transfer, supplied, identity, phase = parse_asked(raw, parts.pseudonyms)
        check_supplied(parts.decisions.clock, supplied)
        decisions = parts.decisions
        before = decisions.folded
        decides = decisions if phase is Phase.INITIATION else parts.settlement_phase
        pending = decides.decide(
            transfer,
            arrived_ns=arrived_ns,
            supplied_received_at=supplied,
            identity=identity,
            caller=caller_name(scope),
        )
        is_repeat = decisions.folded == before
        return Sequenced(parts, pending, arrived_ns, scope=scope, is_repeat=is_repeat)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._limits
        raw = await read_json_body(
            scope,
            receive,
            bytes_max=limits.predict_bytes_max,
            seconds_max=limits.body_seconds_max,
        )
        scorer = self.parts.decisions.bundle.scorer
        model = scorer.artifact.hash
        row = plain_row(raw, scorer.artifact.input_names)
        if row is not None:
            (only,) = predictions(scorer, row)
            await respond_json(send, msgspec.json.encode(ScoreAnswer(only.score, model)))
            self._telemetry.predicted(1)
            return
        rows, many = parse_rows(raw, rows_max=limits.predict_rows_max)
        scores: list[int] = []
        for start in range(0, len(rows), PREDICT_SLICE_ROWS):
            if start:
                # Decisions that wait get their turn between the slices of a long list.
                await asyncio.sleep(0)
            part = predict(scorer, rows[start : start + PREDICT_SLICE_ROWS], first=start)
            scores += [prediction.score for prediction in part]
        answer = ScoresAnswer(scores, model) if many else ScoreAnswer(scores[0], model)
        await respond_json(send, msgspec.json.encode(answer))
        self._telemetry.predicted(len(rows))


def _asked_phase(scope: Scope, *, xml: bool) -> Phase:
    """What the query of an order in XML says, since its body cannot; JSON says it in its body."""
    asked = scope.get("query_string", b"")
    if not asked:
        return Phase.INITIATION
    query = parse_qs(asked.decode("latin-1"), keep_blank_values=True)
    if not query:
        return Phase.INITIATION
    if not xml:
        expected = "empty: `phase` is a field of a body in JSON"
        raise invalid(Code.FIELD_UNKNOWN, field="query", expected=expected, found="phase")
    (found,) = query["phase"]
    if found not in set(Phase):
        raise invalid(Code.FIELD_VALUE, field="phase", expected=" or ".join(Phase), found=found)
    return Phase(found)


async def durable(pending: Pending[Value], *, seconds_max: float) -> Value:
    """The answer, once the log has it on disk.

    Its callbacks run on this event loop, because the log's groups are handed over to it.

    Raises:
        Unavailable: LOG_UNAVAILABLE after `seconds_max`; a repeat finds the answer later.
    """
    if not pending.done:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        pending.add_done_callback(lambda _: _wake(ready))
        # A timer and no `asyncio.timeout`, which costs a twentieth of the whole request.
        timer = loop.call_later(seconds_max, _give_up, ready, seconds_max)
        try:
            await ready
        finally:
            timer.cancel()
    return pending.result()


def check_ready(parts: Parts) -> None:
    """Nothing, if transfers are taken.

    Raises:
        Unavailable: NOT_READY.
    """
    if not parts.is_ready():
        raise Unavailable(
            Code.NOT_READY, "the service is starting or stopping", hint="Ask again in a moment."
        )


def _wake(ready: asyncio.Future[None]) -> None:
    # Done already: the caller went away or gave up; the decision stands, and a repeat finds it.
    if not ready.done():
        ready.set_result(None)


def _give_up(ready: asyncio.Future[None], seconds: float) -> None:
    if not ready.done():
        ready.set_exception(not_durable(seconds))


def _check_method(scope: Scope) -> None:
    if scope["method"] != "POST":
        allowed = "GET, POST" if scope["path"] == DECISIONS else "POST"
        raise Refused(
            Code.METHOD_NOT_ALLOWED,
            f"{scope['path']} answers {allowed}",
            field="method",
            expected=allowed,
            found=scope["method"],
        )


def overloaded(expected: str) -> Unavailable:
    """The error of a request that is one too many."""
    return Unavailable(
        Code.OVERLOADED,
        "too many requests are being answered",
        hint="Send the same request again in a moment.",
        expected=expected,
    )


def not_durable(seconds: float) -> Unavailable:
    """The error of an answer that the disk keeps waiting."""
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the decision was not on disk within {seconds:g} s",
        hint="Send the same request again: the first durable answer stands.",
    )

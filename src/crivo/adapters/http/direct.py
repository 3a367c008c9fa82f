"""Whole requests for a decision, answered from the bytes of the connection: no task, no coroutine.

An application of ASGI costs a request a task, three coroutines, two timers and a dozen messages,
together more than the decision. So a `POST /v1/decisions` that comes in one piece, on a connection
with nothing else under way, is answered by callbacks; every other request takes the usual way, and
what is refused or answered is the same either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from httptools import HttpParserError
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from crivo.adapters.http import head
from crivo.adapters.http.answers import encode_decision, json_headers
from crivo.adapters.http.hot import (
    DECISIONS,
    HotRoutes,
    Sequenced,
    not_durable,
)
from crivo.adapters.http.known_head import KnownHead
from crivo.adapters.http.patience import Patience
from crivo.adapters.http.problems import internal_problem, problem_of, render
from crivo.adapters.http.receive import check_json_headers, check_size
from crivo.adapters.http.turned_away import is_one_decision, turned_away
from crivo.adapters.http.wire import Headers, wire
from crivo.domain.errors import Code, CrivoError, Refused
from crivo.flows.answers import Answer
from crivo.flows.pending import Pending

_URL: Final = DECISIONS.encode()

#: How long a server that stops waits on a connection at rest for a request that is on its way.
LAST_SECONDS: Final = 0.5

_CLOSE: Final = (b"connection", b"close")

#: Heads of a connection that are noted in a row though none of them came again.
HEADS_NOTED_MAX: Final = 4


class Door(Protocol):
    """What an exchange asks of its connection."""

    #: Whose requests these are, and how long their answers are waited for.
    hot: HotRoutes
    patience: Patience
    #: What a server that stops waits for, and cancels in the end.
    tasks: set[Any]

    def answer(self, exchange: Exchange, status: int, body: bytes, headers: Headers) -> None:
        """Sends the one answer of a request."""
        ...


class Exchange:
    """One request and its one answer, which is sent once, unless the caller went away.

    It is what the server's protocol asks of a request under way, and what a server that stops
    waits for and cancels.
    """

    __slots__ = (
        "_arrived_ns",
        "_door",
        "_hot",
        "_raw",
        "_scope",
        "_sequenced",
        "deadline",
        "disconnected",
        "is_over",
        "keep_alive",
        "response_complete",
    )

    #: Set by the server where a coroutine might wait for it; none does.
    message_event: Final = asyncio.Event()

    def __init__(self, door: Door, *, scope: Scope, raw: bytes, keep_alive: bool = True) -> None:
        self._door = door
        self._hot = door.hot
        self._scope = scope
        self._raw = raw
        self._arrived_ns = door.hot.parts.monotonic_ns()
        self._sequenced: Sequenced | None = None
        self.deadline = 0.0
        self.disconnected = self.response_complete = self.is_over = False
        self.keep_alive = keep_alive
        door.hot.arrived()
        door.tasks.add(self)

    def run(self) -> None:
        """Decides, and sends the answer when the log has it on disk, or a refusal at once."""
        try:
            # Who waits for nothing any more goes first: an answer takes less than a decision.
            self._hot.parts.settle()
        finally:
            if self.disconnected:
                self._end(499)
            else:
                self._guarded(self._begin)

    def cancel(self, msg: str | None = None) -> None:
        """Nobody waits any longer: nobody is told, and the decision, if there is one, stands."""
        self.disconnected = True
        if self._sequenced is not None:
            # The server goes through its tasks just now: this one leaves them later.
            asyncio.get_running_loop().call_soon(self._end, 499)

    def give_up(self) -> None:
        """The log took too long. The decision stands, and a repeat finds it."""
        self._refuse(not_durable(self._hot.parts.limits.answer_seconds_max))

    def _begin(self) -> None:
        limits = self._hot.parts.limits
        self._hot.admit(self._scope)
        xml = check_json_headers(self._scope, bytes_max=limits.decision_bytes_max, or_xml=True)
        check_size(len(self._raw), bytes_max=limits.decision_bytes_max)
        self._sequenced = self._hot.sequence(
            self._scope, self._raw, arrived_ns=self._arrived_ns, xml=xml
        )
        pending = self._sequenced.pending
        if not pending.done:
            self._door.patience.wait_for(self, limits.answer_seconds_max)
        pending.add_done_callback(self._durable)

    def _durable(self, _: Pending[Answer]) -> None:
        """After a stop this may be the log's thread, and then there is nothing left to do."""
        if self._sequenced is not None:
            self._sequenced.is_durable()
            self._guarded(self._answer)

    def _answer(self) -> None:
        sequenced = self._sequenced
        assert sequenced is not None, "what is answered was decided"
        body = encode_decision(sequenced.pending.result())
        self._end(200, body, json_headers(body))
        sequenced.is_answered()

    def _guarded(self, step: Callable[[], None]) -> None:
        """A step whose refusals are answered; a fault is told to the caller, the loop logs it."""
        is_told = False
        try:
            step()
            is_told = True
        except CrivoError as error:
            self._refuse(error)
            is_told = True
        finally:
            if not is_told and not self.is_over:
                self._end(*render(internal_problem()), code=Code.INTERNAL)

    def _refuse(self, error: CrivoError) -> None:
        problem = problem_of(error)
        self._end(*render(problem), code=problem.code)

    def _end(
        self, status: int, body: bytes = b"", headers: Headers = (), *, code: str = ""
    ) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._sequenced = None
        self._door.tasks.discard(self)
        if self.disconnected:
            status, code = 499, ""
        try:
            if status != 499:
                self._door.answer(self, status, body, headers)
        finally:
            self._hot.left(DECISIONS, status, code)


class DirectProtocol(HttpToolsProtocol):
    """Holds back a request that may go the direct way until the end of what was received."""

    #: An application's own subclass knows them (`direct_protocol`).
    hot: HotRoutes
    patience: Patience
    #: The server's own, or an `Exchange`.
    cycle: Any
    tasks: set[Any]
    #: The parts of the body of a request that is held back.
    _held: list[bytes] | None = None
    #: Closes a connection that nobody uses: set once, and not anew for each answer.
    _idle: asyncio.TimerHandle | None = None
    _idle_since = 0.0
    #: Why a head is refused that the parser took.
    _wrong: Refused | None = None
    #: The server stops: whatever is answered now is told that nothing more will be.
    _is_leaving = False
    #: The head that the next request may repeat, and how many were noted since one was repeated.
    _known: KnownHead | None = None
    _noted = 0
    #: What was received just now, where a request may begin with it.
    _piece = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = head.Head()
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._idle_since = self.loop.time()
        is_at_rest = self._is_at_rest()
        if is_at_rest and (full := self.hot.overflow()) and is_one_decision(data):
            self.transport.write(turned_away(full))
            self.hot.turned_away()
            return
        if is_at_rest and self._known is not None and (found := self._known.of(data)) is not None:
            self._noted = 0
            self._unset_keepalive_if_required()
            self._begin(*found)
            return
        self._piece = data if is_at_rest else b""
        self._head.reads(len(data))
        super().data_received(data)
        self._piece = b""
        if self._head.since and not self.transport.is_closing() and not self._head.goes_on():
            self.send_400_response(head.TOO_LONG)
        held, self._held = self._held, None
        if held is not None and not self.transport.is_closing():
            # More of it is still to come: the usual way waits for that, within its limits.
            super().on_headers_complete()
            for part in held:
                super().on_body(part)

    def send_400_response(self, msg: str) -> None:
        """What is no request is refused as any other body is, and the connection ends with it."""
        wrong = self._wrong or head.not_http(msg)
        status, body, headers = render(problem_of(wrong))
        self.transport.write(wire(status, body, [*headers, _CLOSE]))
        self.transport.close()
        self.hot.not_understood(wrong.code)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head.begins(self.loop.time())

    def on_headers_complete(self) -> None:
        try:
            if not self._head.ends(self.url, self.headers):
                raise head.not_http(head.TOO_LONG)
            head.check_head(self.parser.get_http_version(), self.url, self.headers)
        except Refused as refusal:
            self._wrong = refusal
            # The parser stops at this, and its server refuses what it has read.
            raise HttpParserError(refusal.message) from None
        if self._may_be_direct():
            self._held = []
        else:
            super().on_headers_complete()
            if self._is_leaving:
                self.cycle.keep_alive = False
        # What a chunked body brings behind itself is no header: nobody looks into this list.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        held, self._held = self._held, None
        if held is None:
            super().on_message_complete()
            return
        scope: Any = self.scope
        scope |= {"method": "POST", "path": DECISIONS, "raw_path": _URL, "query_string": b""}
        keep_alive = self.parser.should_keep_alive() and not self._is_leaving
        if keep_alive and self._noted < HEADS_NOTED_MAX and is_one_decision(self._piece):
            self._known, self._noted = KnownHead(self._piece, {**scope}), self._noted + 1
        self._begin(scope, b"".join(held), keep_alive=keep_alive)

    def _begin(self, scope: Scope, raw: bytes, *, keep_alive: bool = True) -> None:
        self.cycle = Exchange(self, scope=scope, raw=raw, keep_alive=keep_alive)
        # After what the other connections sent: a fault is then the loop's to log, and what
        # came together is decided before any of it is waited for.
        self.loop.call_soon(self.cycle.run)

    def answer(self, exchange: Exchange, status: int, body: bytes, headers: Headers) -> None:
        """Sends the one answer of a request, and waits for the next one."""
        exchange.response_complete = True
        if self.transport.is_closing():
            # Of several requests of a caller who went away the newest alone was told of it.
            return
        exchange.keep_alive &= _CLOSE not in headers
        if not exchange.keep_alive and _CLOSE not in headers:
            headers = [*headers, _CLOSE]
        self.transport.write(wire(status, body, headers))
        if not exchange.keep_alive:
            self.transport.close()
        if self.pipeline or not exchange.keep_alive:
            self.on_response_complete()
        else:
            self._rest()

    def shutdown(self) -> None:
        """The server stops: who sends a last request meanwhile is answered, and nobody is cut off.

        A connection that is closed with a request unread in it looks to its caller as if the
        request had been lost, and he cannot know that it was not decided.
        """
        self._is_leaving = True
        if self._is_busy():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LAST_SECONDS, self._leave)

    def _leave(self) -> None:
        if not self._is_busy():
            self.transport.close()

    def _is_at_rest(self) -> bool:
        """Whether what comes next begins a request, on a connection that will stay."""
        return not (
            self._is_busy()
            or self._is_leaving
            or self._head.since
            or self.pipeline
            or self.flow.write_paused
        )

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _rest(self) -> None:
        """What the server does after an answer, but for a timer that the next request cancels."""
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._watch()

    def _watch(self) -> None:
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._look_idle)

    def _look_idle(self) -> None:
        self._idle = None
        if self._is_busy() or self.timeout_keep_alive_task is not None:
            # The answer under way sets a timer again, or the server has its own.
            return
        # What trickles in is no sign of life: a head is whole in time, or it is given up.
        since, seconds = self._idle_since, float(self.timeout_keep_alive)
        if self._head.since:
            since, seconds = self._head.since, head.SECONDS_MAX
        rest = since + seconds - self.loop.time()
        if rest > 0:
            self._idle = self.loop.call_later(rest, self._look_idle)
        else:
            self.timeout_keep_alive_handler()

    def _may_be_direct(self) -> bool:
        parser = self.parser
        return (
            self.url == _URL
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not self.expect_100_continue
            and not parser.should_upgrade()
            and not self.pipeline
            # A caller who reads no answers gets no more of them: the usual way waits.
            and not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
        )


def direct_protocol(hot: HotRoutes) -> type[DirectProtocol]:
    """The server's protocol with the direct way in it, for one application."""
    return type("ApplicationProtocol", (DirectProtocol,), {"hot": hot, "patience": Patience()})

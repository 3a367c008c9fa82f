"""Whole requests for a decision, answered from the bytes of the connection: no task, no coroutine.

An application of ASGI costs a request a task, three coroutines, two timers and a dozen messages,
together more than the decision. So a `POST /v1/decisions` that comes in one piece, on a connection
with nothing else under way, is answered by callbacks; every other request takes the usual way, and
what is refused or answered is the same either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from crivo.adapters.http.answers import encode_decision, json_headers
from crivo.adapters.http.hot import DECISIONS, HotRoutes, Sequenced, not_durable
from crivo.adapters.http.problems import internal_problem, problem_of, render
from crivo.adapters.http.receive import check_json_headers, check_size
from crivo.domain.errors import Code, CrivoError
from crivo.flows.answers import Answer
from crivo.flows.pending import Pending

_URL: Final = DECISIONS.encode()
_CLOSE: Final = (b"connection", b"close")

Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[int, bytes, Headers], None]


class Exchange:
    """One request and its one answer. `send` is called once, unless the caller went away.

    `ended` is done when nothing is left to do; a server that stops waits for it, or cancels it.
    """

    __slots__ = (
        "_arrived_ns",
        "_hot",
        "_loop",
        "_raw",
        "_scope",
        "_send",
        "_sequenced",
        "_timer",
        "ended",
        "gone",
    )

    def __init__(self, hot: HotRoutes, send: Send, *, scope: Scope, raw: bytes) -> None:
        self._hot = hot
        self._send = send
        self._scope = scope
        self._raw = raw
        self._loop = asyncio.get_running_loop()
        self._arrived_ns = hot.parts.monotonic_ns()
        self._sequenced: Sequenced | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.gone = False
        hot.arrived()

    def run(self) -> None:
        """Decides, and sends the answer when the log has it on disk, or a refusal at once."""
        if self.gone:
            self._end(499)
        else:
            self._guarded(self._begin)

    def abandon(self) -> None:
        """Nobody waits any longer: nobody is told, and the decision, if there is one, stands."""
        self.gone = True
        if self._sequenced is not None:
            self._end(499)

    def _begin(self) -> None:
        limits = self._hot.parts.limits
        self._hot.admit(self._scope)
        check_json_headers(self._scope, bytes_max=limits.decision_bytes_max)
        check_size(len(self._raw), bytes_max=limits.decision_bytes_max)
        sequenced = self._hot.sequence(self._raw, arrived_ns=self._arrived_ns)
        self._sequenced = sequenced
        if not sequenced.pending.done:
            self._timer = self._loop.call_later(limits.answer_seconds_max, self._give_up)
        sequenced.pending.add_done_callback(self._durable)

    def _durable(self, _: Pending[Answer]) -> None:
        """Among the callbacks of a whole group of the log: what may fail waits for its own turn.

        After a stop this may be the log's thread, and then there is nothing left to do.
        """
        if self._sequenced is not None:
            self._sequenced.is_durable()
            self._loop.call_soon(self._settled)

    def _settled(self) -> None:
        if self._sequenced is not None:
            self._guarded(partial(self._answer, self._sequenced))

    def _answer(self, sequenced: Sequenced) -> None:
        body = encode_decision(sequenced.pending.result())
        self._end(200, body, json_headers(body))
        sequenced.is_answered()

    def _give_up(self) -> None:
        """The decision stands, and a repeat finds it."""
        self._refuse(not_durable(self._hot.parts.limits.answer_seconds_max))

    def _guarded(self, step: Callable[[], None]) -> None:
        """A step whose refusals are answered; a fault is told to the caller, the loop logs it."""
        is_told = False
        try:
            step()
            is_told = True
        except CrivoError as error:
            is_told = True
            self._refuse(error)
        finally:
            if not is_told and not self.ended.done():
                self._end(*render(internal_problem()), code=Code.INTERNAL)

    def _refuse(self, error: CrivoError) -> None:
        problem = problem_of(error)
        self._end(*render(problem), code=problem.code)

    def _end(
        self, status: int, body: bytes = b"", headers: Headers = (), *, code: str = ""
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._sequenced = None
        if not self.ended.done():
            self.ended.set_result(None)
        if self.gone:
            status, code = 499, ""
        try:
            if status != 499:
                self._send(status, body, headers)
        finally:
            self._hot.left(DECISIONS, status, code)


class _Cycle:
    """What the server's protocol asks of a request under way, and nothing else."""

    __slots__ = ("exchange", "keep_alive", "response_complete")

    exchange: Exchange
    #: Set by the server where a coroutine might wait for it; none does.
    message_event: Final = asyncio.Event()

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.response_complete = False

    @property
    def disconnected(self) -> bool:
        """Whether the caller went away."""
        return self.exchange.gone

    @disconnected.setter
    def disconnected(self, yes: bool) -> None:
        self.exchange.gone = yes


class DirectProtocol(HttpToolsProtocol):
    """Holds back a request that may go the direct way until the end of what was received."""

    #: Whose requests these are: an application's own subclass knows (`direct_protocol`).
    hot: HotRoutes
    #: The server's own, or a `_Cycle`.
    cycle: Any
    #: The parts of the body of a request that is held back.
    _held: list[bytes] | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        held, self._held = self._held, None
        if held is not None and not self.transport.is_closing():
            # More of it is still to come: the usual way waits for that, within its limits.
            super().on_headers_complete()
            for part in held:
                super().on_body(part)

    def on_headers_complete(self) -> None:
        if self._may_be_direct():
            self._held = []
        else:
            super().on_headers_complete()
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
        cycle = self.cycle = _Cycle(keep_alive=self.parser.should_keep_alive())
        send, raw = partial(self._send, cycle), b"".join(held)
        exchange = cycle.exchange = Exchange(self.hot, send, scope=scope, raw=raw)
        # A server that stops waits for what is in here, and cancels it in the end.
        tasks: Any = self.tasks
        tasks.add(exchange.ended)
        exchange.ended.add_done_callback(partial(self._over, exchange))
        # After what the other connections sent: a fault is then the loop's to log, and what
        # came together is decided before any of it is waited for.
        self.loop.call_soon(exchange.run)

    def _over(self, exchange: Exchange, ended: asyncio.Future[None]) -> None:
        tasks: Any = self.tasks
        tasks.discard(ended)
        if ended.cancelled():
            exchange.abandon()

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

    def _send(self, cycle: _Cycle, status: int, body: bytes, headers: Headers) -> None:
        cycle.response_complete = True
        if self.transport.is_closing():
            # Of several requests of a caller who went away the newest alone was told of it.
            return
        cycle.keep_alive &= _CLOSE not in headers
        if not cycle.keep_alive and _CLOSE not in headers:
            headers = [*headers, _CLOSE]
        content = [STATUS_LINE[status]]
        for name, value in headers:
            content += (name, b": ", value, b"\r\n")
        content += (b"\r\n", body)
        self.transport.write(b"".join(content))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def direct_protocol(hot: HotRoutes) -> type[DirectProtocol]:
    """The server's protocol with the direct way in it, for one application."""
    return type("ApplicationProtocol", (DirectProtocol,), {"hot": hot})

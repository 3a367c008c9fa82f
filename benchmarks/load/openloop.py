"""An open-loop load: requests leave when they are due, whether or not earlier ones were answered.

Latency counts from the instant at which a request was due, so that a server that stalls is charged
for everything that waited meanwhile (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import httptools
import uvloop

CONNECTIONS: Final = 64
#: How long the answers to the last requests are waited for.
PATIENCE_SECONDS: Final = 30.0


@dataclass(slots=True)
class Outcome:
    """What came back: latencies in milliseconds from the due instants, and statuses by count."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def quantile_ms(self, share: float) -> float:
        """The latency that `share` of the answers stayed within."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._due = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the load, which fails unless it has all its answers."""
        self._load.lost(exc)

    def send(self, due: float, request: bytes) -> None:
        """Write one request that was due at `due` of the performance counter."""
        assert self.transport is not None
        self._due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a complete answer calls `on_message_complete`."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Hand the answer's latency and status to the load; this connection is idle again."""
        elapsed_ms = (time.perf_counter() - self._due) * 1e3
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        self._load.answered(self, elapsed_ms, status)


class _Load:
    """Hands due requests to idle connections, in order, and waits for all answers."""

    def __init__(self, requests: Sequence[bytes], due: Sequence[float]) -> None:
        self._requests = requests
        self._due = due
        self._begun = 0.0
        self._waiting: deque[int] = deque()
        self._idle: deque[_Connection] = deque()
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outcome = Outcome()

    async def run(self, host: str, port: int) -> Outcome:
        """What came back, once every request was answered."""
        loop = asyncio.get_running_loop()
        transports = []
        for _ in range(CONNECTIONS):
            made = await loop.create_connection(lambda: _Connection(self), host, port)
            transports.append(made[0])
            self._idle.append(made[1])
        try:
            await self._send_all()
        finally:
            for transport in transports:
                transport.abort()
            await asyncio.sleep(0)
        return self.outcome

    async def _send_all(self) -> None:
        self._begun = time.perf_counter()
        for index, due in enumerate(self._due):
            ahead = self._begun + due - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            self._waiting.append(index)
            self._send()
        await asyncio.wait_for(self._finished, PATIENCE_SECONDS)
        self.outcome.seconds = time.perf_counter() - self._begun

    def _send(self) -> None:
        while self._waiting and self._idle:
            index = self._waiting.popleft()
            self._idle.popleft().send(self._begun + self._due[index], self._requests[index])

    def answered(self, connection: _Connection, elapsed_ms: float, status: int) -> None:
        """Count one answer and give its connection the next request that waits."""
        self.outcome.latencies_ms.append(elapsed_ms)
        self.outcome.statuses[status] = self.outcome.statuses.get(status, 0) + 1
        self._idle.append(connection)
        self._send()
        if len(self.outcome.latencies_ms) == len(self._due) and not self._finished.done():
            self._finished.set_result(None)

    def lost(self, error: Exception | None) -> None:
        """Fail, unless all answers are there."""
        if not self._finished.done():
            self._finished.set_exception(ConnectionError(f"the service closed: {error}"))


def due_times(count: int, rate: float, *, seed: int) -> list[float]:
    """Seconds from the start at which requests are due: independent callers, `rate` a second."""
    dice = random.Random(seed)
    now, due = 0.0, []
    for _ in range(count):
        now += dice.expovariate(rate)
        due.append(now)
    return due


def http_request(path: str, body: bytes, *, host: str, api_key: str) -> bytes:
    """The bytes of one POST on a kept-alive connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run_load(host: str, port: int, requests: Sequence[bytes], *, rate: float, seed: int) -> Outcome:
    """What came back from sending all requests at `rate` a second.

    Raises:
        ConnectionError: the service closed a connection before it answered.
        TimeoutError: answers were missing half a minute after the last request was due.
    """

    async def run() -> Outcome:
        return await _Load(requests, due_times(len(requests), rate, seed=seed)).run(host, port)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())

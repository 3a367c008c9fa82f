"""An open-loop load: requests leave when they are due, whether or not earlier ones were answered.

Latency counts from the instant at which a request was due, so that a server that stalls is charged
for everything that waited meanwhile (no coordinated omission).
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import httptools

CONNECTIONS: Final = 64
OK: Final = 200
#: Stands among the statuses for what was never answered.
UNANSWERED: Final = 0
#: How long the answers to the last requests are waited for.
PATIENCE_SECONDS: Final = 30.0
_RECEIVED_MAX: Final = 65_536


@dataclass(slots=True)
class Outcome:
    """What came back: latencies in milliseconds from the due instants of what was answered with
    200, or was still waited for when patience ended, and statuses by count.
    """

    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def quantile_ms(self, share: float) -> float:
        """The latency that `share` of the answers stayed within."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection:
    """One kept-alive connection with at most one request under way."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = httptools.HttpResponseParser(self)
        self._due = 0.0
        self._is_busy = False
        self._answers = 0

    def send(self, due: float, request: bytes) -> None:
        """Writes one request that was due at `due` of the performance counter."""
        self._due, self._is_busy, self._answers = due, True, 0
        self.socket.sendall(request)

    def receive(self) -> tuple[float, int] | None:
        """Reads what came: once the answer is whole, its latency in milliseconds and status."""
        received = self.socket.recv(_RECEIVED_MAX)
        if not received:
            raise ConnectionError("the service closed a connection")
        if not self._is_busy:
            raise ConnectionError("the service sent what nobody asked for")
        self._parser.feed_data(received)
        if self._answers == 0:
            return None
        if self._answers > 1:
            raise ConnectionError("the service answered a request twice")
        self._is_busy = False
        return (time.perf_counter() - self._due) * 1e3, self._parser.get_status_code()

    def waited_ms(self) -> float | None:
        """For how long the request under way is due, in milliseconds; None where there is none."""
        return (time.perf_counter() - self._due) * 1e3 if self._is_busy else None

    def on_message_complete(self) -> None:
        """The parser has a whole answer."""
        self._answers += 1


class _Load:
    """Hands due requests to idle connections, in order, and waits for all answers.

    Without `is_paced` a request is due when a connection is free for it.
    """

    def __init__(
        self,
        requests: Sequence[bytes],
        due: Sequence[float],
        connections: int,
        greeting: bytes,
        *,
        is_paced: bool,
    ) -> None:
        self._requests = requests
        self._is_paced = is_paced
        self._greeting = greeting
        self._count = connections
        self._answered = 0
        self._due = due
        self._outcome = Outcome()
        self._connections: dict[int, _Connection] = {}
        self._poller = select.epoll()

    def run(self, host: str, port: int) -> Outcome:
        """What came back, once every request was answered or patience has ended."""
        try:
            for _ in range(self._count):
                made = _Connection(host, port)
                self._connections[made.socket.fileno()] = made
                self._poller.register(made.socket, select.EPOLLIN)
            if self._greeting:
                self._greet()
            self._send_all()
        finally:
            self._poller.close()
            for connection in self._connections.values():
                connection.socket.close()
        return self._outcome

    def _greet(self) -> None:
        """One request on each connection before the clock runs: callers keep theirs, and what a
        service does to take hundreds of new ones is no part of its answers.
        """
        for connection in self._connections.values():
            connection.send(0.0, self._greeting)
        waiting = len(self._connections)
        give_up = time.perf_counter() + PATIENCE_SECONDS
        while waiting:
            if time.perf_counter() > give_up:
                raise TimeoutError(f"{waiting} of {self._count} connections were not served")
            for number, _ in self._poller.poll(1.0):
                waiting -= self._connections[number].receive() is not None

    def _send_all(self) -> None:
        count, sent = len(self._due), 0
        idle = deque(self._connections.values())
        begun = time.perf_counter()
        give_up = begun + self._due[-1] + PATIENCE_SECONDS
        while self._answered < count:
            now = time.perf_counter()
            while sent < count and idle and begun + self._due[sent] <= now:
                due = begun + self._due[sent] if self._is_paced else time.perf_counter()
                idle.popleft().send(due, self._requests[sent])
                sent += 1
            if now > give_up:
                self._give_up(sent, now - begun)
                break
            is_next = sent < count and idle
            ahead = begun + self._due[sent] - time.perf_counter() if is_next else 1.0
            idle.extend(self._receive(ahead))
        self._outcome.seconds = time.perf_counter() - begun

    def _give_up(self, sent: int, now: float) -> None:
        """Counts what is unanswered `now` seconds after the start, with the wait until then."""
        waits = [connection.waited_ms() for connection in self._connections.values()]
        waits += [(now - due) * 1e3 for due in self._due[sent:]]
        missing = [wait for wait in waits if wait is not None]
        self._outcome.latencies_ms += missing
        self._outcome.statuses[UNANSWERED] = len(missing)

    def _receive(self, seconds: float) -> Iterator[_Connection]:
        """Waits so long at most, and gives the connections whose answers are whole."""
        if seconds > 0:
            # A poll counts whole milliseconds, a select microseconds.
            select.select([self._poller], [], [], seconds)
        for number, _ in self._poller.poll(0):
            connection = self._connections[number]
            answer = connection.receive()
            if answer is not None:
                latency_ms, status = answer
                self._answered += 1
                if status == OK:
                    self._outcome.latencies_ms.append(latency_ms)
                statuses = self._outcome.statuses
                statuses[status] = statuses.get(status, 0) + 1
                yield connection


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


def http_get(path: str, *, host: str) -> bytes:
    """The bytes of one GET on a kept-alive connection."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def run_load(
    host: str,
    port: int,
    requests: Sequence[bytes],
    *,
    rate: float,
    seed: int,
    connections: int = CONNECTIONS,
    greeting: bytes = b"",
) -> Outcome:
    """What came back from sending all requests at `rate` a second; 0: as fast as answers come.
    What is unanswered half a minute after the last was due is `UNANSWERED`.

    A `greeting` is a request that each connection sends, and hears the answer of, beforehand.

    Raises:
        ConnectionError: the service closed a connection before it answered.
        TimeoutError: a greeting was not answered in half a minute.
    """
    count = len(requests)
    due = due_times(count, rate, seed=seed) if rate else [0.0] * count
    load = _Load(requests, due, connections, greeting, is_paced=rate > 0)
    return load.run(host, port)

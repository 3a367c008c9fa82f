"""A service behind a listening socket, and a caller that speaks to it byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httptools
import pytest
import uvicorn
from uvicorn.server import ServerState

from crivo.adapters.http import direct
from crivo.bootstrap.service import Service
from tests.e2e.homes import KEY
from tests.unit.adapters.http.bodies import GOOD

_numbers = iter(range(10**6))


def body() -> bytes:
    """A whole body under an id of its own."""
    id_ = f"E12345678202611231200dire{next(_numbers):07d}"
    return json.dumps({**GOOD, "end_to_end_id": id_}).encode()


def request(raw: bytes, *lines: str, key: str = KEY, media: str = "application/json") -> bytes:
    """The bytes of one POST."""
    head = (
        "POST /v1/decisions HTTP/1.1",
        "host: x",
        f"authorization: Bearer {key}",
        f"content-type: {media}",
        f"content-length: {len(raw)}",
        *lines,
        "",
        "",
    )
    return "\r\n".join(head).encode() + raw


class Answer:
    """One response: status, headers and body, parsed."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.whole = False
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.whole = True

    @property
    def status(self) -> int:
        return self.parser.get_status_code()

    @property
    def told(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Everything that a caller can see; how a body ends is the transport's affair."""
        framing = {b"transfer-encoding", b"content-length"}
        return self.status, [each for each in self.headers if each[0] not in framing], self.body


class Door:
    """A served application, on a loopback port of the test's own loop."""

    def __init__(self, service: Service, port: int, state: ServerState, went: list[str]) -> None:
        self.service = service
        self.state = state
        self.went = went
        self._port = port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection."""
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def send(self, *parts: bytes) -> Answer:
        """The answer to a request that is sent in these parts, on a connection of its own."""
        reader, writer = await self.connect()
        for place, part in enumerate(parts):
            if place:
                await asyncio.sleep(0.02)
            writer.write(part)
        answer = await read_answer(reader)
        writer.close()
        return answer


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next response of a connection."""
    answer = Answer()
    async with asyncio.timeout(120):
        while not answer.whole and (data := await reader.read(1)):
            answer.parser.feed_data(data)
    return answer


@contextlib.asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Door]:
    """The service while it runs behind a listening socket; `went` names the ways taken."""
    went: list[str] = []
    hot = service.app.hot

    class Watched(direct.Exchange):
        def run(self):
            went.append("direct")
            super().run()

    async def usual(*arguments):
        went.append("usual")
        await type(hot).__call__(hot, *arguments)

    async def app(scope, receive, send):
        way = usual if hot.takes(scope) else service.app
        await way(scope, receive, send)

    config, state = uvicorn.Config(app, http="httptools", ws="none", log_config=None), ServerState()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(direct, "Exchange", Watched)
        protocol = direct.direct_protocol(hot)
        loop = asyncio.get_running_loop()
        async with service.running():
            async with asyncio.timeout(600):
                while not service.running.is_ready:  # noqa: ASYNC110 (asked for, as by a probe)
                    await asyncio.sleep(0.02)
            server = await loop.create_server(
                lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
            )
            async with server:
                yield Door(service, server.sockets[0].getsockname()[1], state, went)
            while state.connections:  # noqa: ASYNC110 (the server's own set)
                await asyncio.sleep(0.01)


KNOWN = body()

"""The direct way of `POST /v1/decisions`: the same answers as the usual way, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httptools
import pytest
import uvicorn
from uvicorn.server import ServerState

from crivo.adapters.http import direct
from crivo.adapters.http import hot as hot_routes
from crivo.bootstrap.service import Service, build_service
from tests.e2e.homes import KEY, make_home, settings_of
from tests.unit.adapters.http.bodies import GOOD, HOSTILE_DECISIONS

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
    async with asyncio.timeout(20):
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
        await usual(scope, receive, send)

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


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Door], Awaitable[None]]], None]:
    """Runs a conversation with a new service."""

    def start(talk: Callable[[Door], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with opened(build_service(settings_of(make_home(tmp_path / "home")))) as door:
                await talk(door)

        asyncio.run(whole())

    return start


KNOWN = body()

#: The key comes behind the body, where no header counts.
TRAILED = (
    b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\ntrailer: authorization\r\n\r\n"
    + b"%x\r\n%s\r\n0\r\nauthorization: Bearer %s\r\n\r\n"
    % (len(KNOWN), KNOWN, KEY.encode())
)

REQUESTS = {
    "a transfer": request(KNOWN),
    "a wrong key": request(KNOWN, key="wrong"),
    "another media type": request(KNOWN, media="text/plain"),
    "a coding": request(KNOWN, "content-encoding: gzip"),
    "the last of its connection": request(KNOWN, "connection: close"),
    "too large": request(b" " * 20_000),
    "a key behind its body": TRAILED,
    **{name: request(raw) for name, (raw, _, _) in HOSTILE_DECISIONS.items()},
}


async def compare(door: Door) -> None:
    """Each request in one piece, then cut within its head and behind it.

    Raises:
        AssertionError: the answers differ, or the ways do not.
    """
    for name, sent in REQUESTS.items():
        door.went.clear()
        one = await door.send(sent)
        two = await door.send(sent[:40], sent[40:])
        cut = sent.index(b"\r\n\r\n") + 4
        three = await door.send(sent[:cut], sent[cut:]) if sent[cut:] else one
        assert one.told == two.told == three.told, name
        # A head in two pieces, whose end comes with the body, goes the direct way too.
        assert door.went == ["direct", "direct"] + ["usual"] * (three is not one), name


@pytest.mark.slow
def test_a_request_in_one_piece_and_in_two_gets_the_same_answer(run) -> None:
    run(compare)


@pytest.mark.slow
def test_a_way_that_looks_at_fewer_headers_is_noticed(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "check_json_headers", lambda *_, **__: None)
    with pytest.raises(AssertionError, match="another media type"):
        run(compare)


@pytest.mark.slow
def test_requests_behind_one_another_are_answered_in_their_order(run) -> None:
    raws = [body() for _ in range(6)]

    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        writer.write(b"".join(map(request, raws)))
        for raw in raws:
            answer = await read_answer(reader)
            assert json.loads(answer.body)["end_to_end_id"] == json.loads(raw)["end_to_end_id"]
        # The first had the connection for itself; the others queued behind it, as they always do.
        assert door.went == ["direct"] + ["usual"] * 5
        writer.write(request(raws[0]))
        assert (await read_answer(reader)).status == 200
        assert door.went[6:] == ["direct"]
        writer.close()

    run(talk)


@pytest.mark.slow
def test_a_caller_that_hangs_up_before_the_decision_gets_none_and_after_it_loses_the_answer(
    run,
) -> None:
    async def talk(door: Door) -> None:
        decisions, app = door.service.decisions, door.service.app
        before = decisions.folded
        sent: list[int] = []
        headers = [(b"authorization", f"Bearer {KEY}".encode())]
        headers.append((b"content-type", b"application/json"))
        scope = {"method": "POST", "path": hot_routes.DECISIONS, "headers": headers}

        at = SimpleNamespace(hot=app.hot, patience=direct.Patience(), tasks=set())
        at.answer = lambda _, status, *__: sent.append(status)

        def exchange(raw: bytes) -> direct.Exchange:
            return direct.Exchange(at, scope=scope, raw=raw)

        early = exchange(body())
        early.disconnected = True
        early.run()
        assert decisions.folded == before
        raw = body()
        late, stopped = exchange(raw), exchange(body())
        for each in (late, stopped):
            each.run()
        late.disconnected = True
        assert at.tasks == {late, stopped}
        for each in at.tasks:
            if each is stopped:
                each.cancel(msg="the server stops")
        assert decisions.folded == before + 2
        async with asyncio.timeout(20):
            while at.tasks:  # noqa: ASYNC110 (until both are over)
                await asyncio.sleep(0)
        again = await door.send(request(raw))
        assert (again.status, sent) == (200, [])
        assert door.service.app.hot.in_flight == 0

    run(talk)


@pytest.mark.slow
def test_a_slow_disk_and_a_full_house_are_told_and_a_repeat_finds_the_answer(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(door: Door) -> None:
        raw, hot, parts = body(), door.service.app.hot, door.service.app.hot.parts
        sequence = hot.sequence

        def slow(*arguments, **options):
            sequenced = sequence(*arguments, **options)
            add = sequenced.pending.add_done_callback
            loop = asyncio.get_running_loop()
            monkeypatch.setattr(
                type(sequenced.pending),
                "add_done_callback",
                lambda pending, call: loop.call_later(0.3, add, call),
            )
            return sequenced

        with monkeypatch.context() as patched:
            patched.setattr(hot, "sequence", slow)
            limits = replace(parts.limits, answer_seconds_max=0.05)
            object.__setattr__(parts, "limits", limits)
            late = await door.send(request(raw))
        monkeypatch.undo()
        assert (late.status, json.loads(late.body)["code"]) == (503, "LOG_UNAVAILABLE")
        await asyncio.sleep(0.4)
        object.__setattr__(parts, "limits", replace(parts.limits, answer_seconds_max=5.0))
        assert (await door.send(request(raw))).status == 200
        hot._flying = 10**6
        full = await door.send(request(body()))
        assert (full.status, json.loads(full.body)["code"]) == (503, "OVERLOADED")
        hot._flying = 0
        assert door.went == ["direct"] * 3

    run(talk)


@pytest.mark.slow
def test_a_fault_of_ours_is_told_without_its_details_and_logged(
    run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret detail")

    async def talk(door: Door) -> None:
        with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
            patched.setattr(type(door.service.decisions), "decide", fault)
            answer = await door.send(request(body()))
        assert (answer.status, json.loads(answer.body)["code"]) == (500, "INTERNAL")
        assert b"secret" not in answer.body
        assert "a secret detail" in caplog.text
        assert (await door.send(request(body()))).status == 200

    run(talk)


@pytest.mark.slow
def test_a_fault_in_one_answer_costs_no_other_of_its_group(
    run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raws = [body() for _ in range(8)]
    poor = json.loads(raws[0])["end_to_end_id"]
    encode = direct.encode_decision

    def faulty(answer):
        if answer.end_to_end_id == poor:
            raise ZeroDivisionError("a secret detail")
        return encode(answer)

    async def talk(door: Door) -> None:
        with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
            patched.setattr(direct, "encode_decision", faulty)
            answers = await asyncio.gather(*(door.send(request(raw)) for raw in raws))
        assert [answer.status for answer in answers] == [500] + [200] * 7
        assert door.service.app.hot.in_flight == 0
        assert [(await door.send(request(raw))).status for raw in raws] == [200] * 8

    run(talk)


@pytest.mark.slow
def test_a_caller_who_reads_nothing_is_not_answered_without_bound(run) -> None:
    async def talk(door: Door) -> None:
        _, writer = await door.connect()
        while not door.state.connections:  # noqa: ASYNC110 (until it is accepted)
            await asyncio.sleep(0)
        (connection,) = door.state.connections
        sent = request(KNOWN, key="wrong")
        for _ in range(6_000):
            writer.write(sent)
            await asyncio.sleep(0)
            if connection.flow.write_paused and "usual" in door.went:
                break
        assert connection.transport.get_write_buffer_size() < 200_000
        for _ in range(200):
            writer.write(sent)
            await asyncio.sleep(0)
        assert connection.transport.get_write_buffer_size() < 200_000
        writer.transport.abort()

    run(talk)


@pytest.mark.slow
def test_a_connection_is_closed_once_it_rested_as_long_as_the_server_waits(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        while not door.state.connections:  # noqa: ASYNC110 (until it is accepted)
            await asyncio.sleep(0)
        (connection,) = door.state.connections
        for _ in range(3):
            writer.write(request(body()))
            assert (await read_answer(reader)).status == 200
        assert door.went == ["direct"] * 3
        connection._look_idle()
        assert connection._idle is not None
        assert not connection.transport.is_closing()
        connection._idle_since -= connection.timeout_keep_alive
        connection._look_idle()
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        assert connection._idle is None
        writer.close()

    run(talk)


@pytest.mark.slow
def test_a_connection_with_a_request_under_way_does_not_rest(run) -> None:
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        writer.write(request(body()))
        assert (await read_answer(reader)).status == 200
        (connection,) = door.state.connections
        connection._idle_since -= connection.timeout_keep_alive
        connection.cycle = direct.Exchange(connection, scope=connection.scope, raw=b"{}")
        connection._look_idle()
        assert not connection.transport.is_closing()
        connection.cycle.run()
        assert (await read_answer(reader)).status == 422
        assert connection._idle is not None
        writer.close()

    run(talk)


def test_one_timer_gives_up_on_each_answer_at_its_own_time_and_on_none_that_was_given() -> None:
    async def wait() -> list[str]:
        patience, given_up = direct.Patience(), []

        class Waiting:
            def __init__(self, name: str) -> None:
                self.is_over, self.deadline = False, 0.0
                self.give_up = lambda: given_up.append(name)

        waiting = {name: Waiting(name) for name in ("answered", "long", "short", "now")}
        for name, seconds in (("answered", 0.0), ("long", 60.0), ("short", 30.0), ("now", 0.0)):
            patience.wait_for(waiting[name], seconds)
        waiting["answered"].is_over = True
        async with asyncio.timeout(20):
            while not given_up:  # noqa: ASYNC110 (the timer of the loop)
                await asyncio.sleep(0)
        assert given_up == ["now"]
        waiting["short"].deadline = 0.0
        patience._look()
        return given_up

    assert asyncio.run(wait()) == ["now", "short"]


@pytest.mark.slow
def test_a_server_that_stops_answers_what_is_under_way_and_closes(run) -> None:
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        writer.write(request(body()))
        while not door.went:  # noqa: ASYNC110 (until it is under way)
            await asyncio.sleep(0)
        for connection in list(door.state.connections):
            connection.shutdown()
        answer = await read_answer(reader)
        assert answer.status == 200
        assert (b"connection", b"close") in answer.headers
        assert await reader.read() == b""
        writer.close()

    run(talk)

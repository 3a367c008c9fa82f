"""Connections of the direct way: callers who go, who wait, who rest, and a server that stops."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest
import uvloop

from crivo.adapters.http import direct
from crivo.adapters.http import hot as hot_routes
from tests.integration.doors import KEY, KNOWN, Door, body, read_answer, request


@pytest.mark.slow
def test_requests_behind_one_another_are_answered_in_their_order(converse) -> None:
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

    converse(talk)


@pytest.mark.slow
def test_a_caller_that_hangs_up_before_the_decision_gets_none_and_after_it_loses_the_answer(
    converse,
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

    converse(talk)


@pytest.mark.slow
def test_a_caller_who_reads_nothing_is_not_answered_without_bound(converse) -> None:
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

    converse(talk)


@pytest.mark.slow
def test_a_connection_is_closed_once_it_rested_as_long_as_the_server_waits(
    converse, monkeypatch: pytest.MonkeyPatch
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

    converse(talk)


@pytest.mark.slow
def test_a_connection_with_a_request_under_way_does_not_rest(converse) -> None:
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

    converse(talk)


class Waiting:
    """As much of an exchange as patience sees."""

    def __init__(self, name: str, given_up: list[str]) -> None:
        self.is_over, self.deadline = False, 0.0
        self._name, self._given_up = name, given_up

    def give_up(self) -> None:
        """Notes it."""
        self._given_up.append(self._name)
        if self._name == "raising":
            raise ZeroDivisionError(self._name)


@pytest.mark.parametrize(
    "loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"]
)
def test_one_timer_gives_up_on_each_answer_at_its_own_time_and_on_none_that_was_given(loop) -> None:
    given_up: list[str] = []

    async def wait() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        patience = direct.Patience()
        # The first sets a timer for much later; the others come due before, one after another.
        delays = {"long": 60.0, "answered": 0.0, "raising": 0.0, "now": 0.0, "soon": 0.02}
        waiting = {name: Waiting(name, given_up) for name in delays}
        for name, seconds in delays.items():
            patience.wait_for(waiting[name], seconds)
        waiting["answered"].is_over = True
        async with asyncio.timeout(20):
            while len(given_up) < 3:
                await asyncio.sleep(0)
                # Meanwhile others go on coming, whatever the timer is about to do.
                patience.wait_for(waiting["answered"], 30.0)
        assert waiting["long"] in patience._waiting

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(wait())
    assert given_up == ["raising", "now", "soon"]


def test_answers_that_were_given_are_not_waited_for_any_longer() -> None:
    async def wait() -> int:
        patience = direct.Patience()
        for number in range(1_000):
            waiting = Waiting(str(number), [])
            patience.wait_for(waiting, 60.0)
            waiting.is_over = True
        return len(patience._waiting)

    assert asyncio.run(wait()) == 1


@pytest.mark.slow
def test_a_head_that_is_arriving_is_no_rest(converse) -> None:
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        writer.write(request(body()))
        assert (await read_answer(reader)).status == 200
        (connection,) = door.state.connections
        connection._idle_since -= connection.timeout_keep_alive
        rested = connection._idle_since
        sent = request(body())
        writer.write(sent[:30])
        async with asyncio.timeout(20):
            while connection._idle_since == rested:  # noqa: ASYNC110 (until it has come)
                await asyncio.sleep(0)
        connection._look_idle()
        writer.write(sent[30:])
        assert (await read_answer(reader)).status == 200
        writer.close()

    converse(talk)


@pytest.mark.slow
def test_who_is_on_disk_is_answered_before_the_next_is_decided_whatever_fails_there(
    converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(door: Door) -> None:
        parts, order = door.service.app.hot.parts, []
        settle, decide = parts.settle, type(door.service.decisions).decide

        def settling() -> None:
            order.append("settle")
            settle()
            raise ZeroDivisionError("of an answer")

        def deciding(*arguments, **options):
            order.append("decide")
            return decide(*arguments, **options)

        asyncio.get_running_loop().set_exception_handler(lambda *_: order.append("told"))
        monkeypatch.setattr(type(door.service.decisions), "decide", deciding)
        object.__setattr__(parts, "settle", settling)
        assert (await door.send(request(body()))).status == 200
        object.__setattr__(parts, "settle", settle)
        assert order[:2] == ["settle", "decide"]
        assert "told" in order
        assert door.service.app.hot.in_flight == 0

    converse(talk)


@pytest.mark.slow
def test_a_server_that_stops_answers_what_is_under_way_and_closes(converse) -> None:
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

    converse(talk)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/decisions?"], ids=["direct", "usual"])
def test_a_server_that_stops_answers_a_last_request_on_a_connection_at_rest(
    converse, path: str
) -> None:
    async def talk(door: Door) -> None:
        (reader, writer), (silent, other) = await door.connect(), await door.connect()
        writer.write(request(body()))
        assert (await read_answer(reader)).status == 200
        for connection in list(door.state.connections):
            connection.shutdown()
        # It was on its way when the server stopped.
        writer.write(request(body()).replace(b"/v1/decisions ", f"{path} ".encode()))
        answer = await read_answer(reader)
        assert answer.status == 200
        assert (b"connection", b"close") in answer.headers
        assert await reader.read() == b""
        # Who says nothing is closed soon all the same.
        assert await asyncio.wait_for(silent.read(), 10 * direct.LAST_SECONDS) == b""
        writer.close()
        other.close()

    converse(talk)

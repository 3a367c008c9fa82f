"""Connections of the direct way: callers who go, who wait, who rest, and a server that stops."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

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

"""Decisions as server-sent events: what is told, where it goes on, and where it is bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from crivo.adapters.http.stream import STREAMS_MAX
from crivo.bootstrap.service import build_service
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.doors import Door, opened, request
from tests.unit.adapters.http.bodies import GOOD

_numbers = iter(range(10**6))

Event = tuple[str, int, dict[str, object]]
Talk = Callable[[Door], Awaitable[None]]


def transfer(*, risky: bool = False) -> bytes:
    id_ = f"E12345678202611231200tell{next(_numbers):07d}"
    amount = RISKY_CENTAVOS * 2 if risky else 100
    return json.dumps({**GOOD, "end_to_end_id": id_, "amount_centavos": amount}).encode()


async def decide(door: Door, *, risky: bool = False) -> str:
    answer = await door.send(request(transfer(risky=risky)))
    assert answer.status == 200
    return json.loads(answer.body)["outcome"]


class Listener:
    """A caller that reads a stream, as much as it wants of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.status = 0

    @classmethod
    async def open(cls, door: Door, query: str = "", *lines: str) -> Listener:
        listener = cls(*await door.connect())
        listener.ask(query, *lines)
        await listener.hear()
        return listener

    def ask(self, query: str = "", *lines: str) -> None:
        """Asks for a stream, and waits for nothing."""
        head = (f"GET /v1/stream{query} HTTP/1.1", "host: x", f"authorization: Bearer {KEY}")
        self.writer.write("\r\n".join((*head, *lines, "", "")).encode())

    async def hear(self) -> None:
        """The status of the answer, and its headers."""
        self.status = int((await self.reader.readline()).split()[1])
        while (await self.reader.readline()).strip():
            """Headers."""

    async def events(self, count: int) -> list[Event]:
        """The next events, comments left out."""
        found: list[Event] = []
        fields: dict[str, str] = {}
        async with asyncio.timeout(30):
            while len(found) < count:
                line = (await self.reader.readline()).decode().rstrip("\r\n")
                assert line or fields or not self.reader.at_eof(), "the stream ended"
                name, _, value = line.partition(": ")
                if name in {"event", "id", "data"}:
                    fields[name] = value
                elif not line and "data" in fields:
                    place, data = int(fields["id"]), json.loads(fields["data"])
                    found.append((fields["event"], place, data))
                    fields = {}
        return found

    def close(self) -> None:
        self.writer.close()


def test_decisions_are_told_as_they_are_made_and_only_those_of_the_outcome(converse) -> None:
    async def talk(door: Door) -> None:
        everything = await Listener.open(door)
        outcome = await decide(door, risky=True)
        held = await Listener.open(door, f"?outcome={outcome}", "last-event-id: 0")
        for risky in (False, True, False, True):
            await decide(door, risky=risky)
        told = await everything.events(5)
        assert [name for name, _, _ in told] == ["decision"] * 5
        assert [place for _, place, _ in told] == sorted({place for _, place, _ in told})
        listed = [each for _, _, each in told]
        assert [each["outcome"] == outcome for each in listed] == [True, False, True, False, True]
        found = await held.events(2)
        assert [each for _, _, each in found] == [listed[2], listed[4]]
        for each in (everything, held):
            each.close()

    converse(talk)


def test_a_stream_goes_on_behind_the_event_that_was_seen_last(converse) -> None:
    async def talk(door: Door) -> None:
        for _ in range(4):
            await decide(door)
        first = await Listener.open(door, "", "last-event-id: 0")
        told = await first.events(3)
        first.close()
        again = await Listener.open(door, "", f"last-event-id: {told[0][1]}")
        assert await again.events(2) == told[1:]
        again.close()

    converse(talk)


def test_after_a_restart_a_stream_goes_on_where_it_was(tmp_path) -> None:
    home = make_home(tmp_path / "home")

    async def run(talk: Talk) -> None:
        async with opened(build_service(settings_of(home))) as door:
            await talk(door)

    kept: list[Event] = []

    async def before(door: Door) -> None:
        listener = await Listener.open(door)
        for _ in range(3):
            await decide(door)
        kept.extend(await listener.events(3))
        listener.close()

    async def after(door: Door) -> None:
        listener = await Listener.open(door, "", f"last-event-id: {kept[0][1]}")
        assert await listener.events(2) == kept[1:]
        listener.close()

    asyncio.run(run(before))
    asyncio.run(run(after))


def test_who_comes_back_too_late_is_told_of_the_gap(converse) -> None:
    async def talk(door: Door) -> None:
        for _ in range(6):
            await decide(door)
        await asyncio.sleep(0.3)
        feed = door.service.app._parts.feed
        # As if two thirds of them had been let go.
        while len(feed._newest) > 2:
            feed._floor = feed._newest.pop().answer.seq
        listener = await Listener.open(door, "", "last-event-id: 0")
        gap, *news = await listener.events(3)
        assert (gap[0], gap[2]) == ("gap", {"after": 0, "to": feed._floor})
        assert [name for name, _, _ in news] == ["decision"] * 2
        assert news[0][1] > gap[1] == feed._floor
        listener.close()

    converse(talk)


@pytest.mark.parametrize(
    ("query", "lines", "field"),
    [
        ("?outcome=hold", (), "outcome"),
        ("?payer=a", (), "query"),
        ("", ("last-event-id: x",), "last-event-id"),
        ("", ("last-event-id: -1",), "last-event-id"),
        ("", ("last-event-id: " + "9" * 19,), "last-event-id"),
    ],
)
def test_what_cannot_be_is_refused(converse, query, lines, field) -> None:
    async def talk(door: Door) -> None:
        listener = await Listener.open(door, query, *lines)
        assert listener.status == 422
        body = json.loads(await listener.reader.readuntil(b"}"))
        assert body["field"] == field
        listener.close()

    converse(talk)


def test_there_are_so_many_streams_and_no_more_and_a_place_becomes_free(converse) -> None:
    async def talk(door: Door) -> None:
        open_ = [await Listener.open(door) for _ in range(STREAMS_MAX)]
        assert {each.status for each in open_} == {200}
        refused = await Listener.open(door)
        assert refused.status == 503
        for each in (open_.pop(), refused):
            each.close()
        async with asyncio.timeout(20):
            while (again := await Listener.open(door)).status != 200:
                again.close()
                await asyncio.sleep(0.1)
        for each in (*open_, again):
            each.close()

    converse(talk)


def test_streams_that_are_opened_at_once_find_no_more_places_than_there_are(converse) -> None:
    async def talk(door: Door) -> None:
        asked = [Listener(*await door.connect()) for _ in range(5 * STREAMS_MAX)]
        for each in asked:
            each.ask()
        for each in asked:
            await each.hear()
        statuses = sorted(each.status for each in asked)
        assert statuses == [200] * STREAMS_MAX + [503] * 4 * STREAMS_MAX
        for each in asked:
            each.close()

    converse(talk)


def test_whoever_hangs_up_before_a_word_was_answered_keeps_no_place(converse) -> None:
    async def talk(door: Door) -> None:
        for each in [Listener(*await door.connect()) for _ in range(3 * STREAMS_MAX)]:
            each.ask()
            each.writer.transport.abort()
        async with asyncio.timeout(20):
            open_: list[Listener] = []
            while len(open_) < STREAMS_MAX:
                one = await Listener.open(door)
                if one.status == 200:
                    open_.append(one)
                else:
                    one.close()
                    await asyncio.sleep(0.1)
        for each in open_:
            each.close()

    converse(talk)


def test_streams_end_when_the_service_stops(converse) -> None:
    async def talk(door: Door) -> None:
        listener = await Listener.open(door)
        door.service.app.is_stopping = lambda: True
        async with asyncio.timeout(20):
            await listener.reader.readuntil(b"\r\n0\r\n\r\n")
        listener.close()

    converse(talk)

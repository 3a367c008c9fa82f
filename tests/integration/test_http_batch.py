"""`POST /v1/decisions:batch` on a running service: results in order, refusals apart, limits."""

from __future__ import annotations

import asyncio
import json

import pytest

from crivo.adapters.http import batch
from crivo.domain.errors import Code, Unavailable
from tests.integration.doors import Answer, Door, request
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow


def transfers(count: int, *, own: str) -> list[dict[str, object]]:
    ids = [f"E12345678202611231200{own}{number:07d}" for number in range(count)]
    return [{**GOOD, "end_to_end_id": each} for each in ids]


def ask(document: object) -> bytes:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return request(raw).replace(b"/v1/decisions ", b"/v1/decisions:batch ", 1)


async def send(door: Door, raw: bytes) -> Answer:
    """The answer to a request on a connection of its own, read in large pieces."""
    reader, writer = await door.connect()
    writer.write(raw)
    answer = Answer()
    async with asyncio.timeout(20):
        while not answer.whole:
            answer.parser.feed_data(await reader.read(1 << 16))
    writer.close()
    return answer


def test_results_stand_in_the_order_of_the_transfers_each_as_if_alone(converse):
    async def talk(door: Door) -> None:
        bodies = transfers(120, own="batc")
        bodies[7] = {**bodies[7], "amount_centavos": 0}
        bodies[60] = {**bodies[3], "amount_centavos": 1}
        bodies[61] = bodies[3]
        bodies[62] = {"end_to_end_id": 5}
        raw = json.dumps(bodies).encode().replace(b'"E12345678202611231200batc0000063"', b'"\xff"')
        answer = await send(door, ask(raw))
        assert answer.status == 200
        results = json.loads(answer.body)
        assert {place: each["status"] for place, each in enumerate(results)} == {
            **dict.fromkeys(range(120), 200),
            7: 422,
            60: 409,
            62: 422,
            63: 400,
        }
        assert results[7]["problem"]["code"] == Code.AMOUNT_RANGE
        assert results[61] == results[3]
        for body, each in zip(bodies, results, strict=True):
            if each["status"] == 200:
                assert each["decision"]["end_to_end_id"] == body["end_to_end_id"]
        single = await send(door, request(json.dumps(bodies[3]).encode()))
        assert json.loads(single.body) == results[3]["decision"]

    converse(talk)


def test_what_is_refused_or_repeated_in_a_batch_is_counted(converse):
    async def talk(door: Door) -> None:
        bodies = transfers(60, own="cnts")
        bodies[7] = {**bodies[7], "amount_centavos": 0}
        bodies[8] = {**bodies[3], "amount_centavos": 1}
        bodies[9], bodies[58] = bodies[3], bodies[3]
        bodies[59] = {"a": 1}
        assert (await send(door, ask(bodies))).status == 200
        text = door.service.metrics.render().decode()
        for told in (
            'crivo_requests_refused_total{code="AMOUNT_RANGE"} 1.0',
            'crivo_requests_refused_total{code="CONFLICT"} 1.0',
            'crivo_requests_refused_total{code="FIELD_UNKNOWN"} 1.0',
            "crivo_decision_repeats_total 2.0",
            "crivo_decision_latency_seconds_count 57.0",
        ):
            assert told in text, told

    converse(talk)


def test_what_is_no_list_of_transfers_is_refused_whole(converse):
    async def talk(door: Door) -> None:
        for wrong, status, code in (
            (b"[", 400, Code.BODY_MALFORMED),
            (b"{}", 400, Code.BODY_MALFORMED),
            (b"[" * 100_000, 400, Code.BODY_MALFORMED),
            ([], 422, Code.FIELD_VALUE),
            (transfers(1_001, own="many"), 422, Code.FIELD_VALUE),
            (b" " * (4 * 1024 * 1024 + 1), 413, Code.BODY_TOO_LARGE),
        ):
            answer = await send(door, ask(wrong))
            assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
        assert door.service.decisions.folded == 0

    converse(talk)


def test_a_batch_that_stops_halfway_keeps_what_was_made_and_is_whole_when_sent_again(
    converse, monkeypatch
):
    async def talk(door: Door) -> None:
        bodies = transfers(batch.SLICE + 5, own="half")
        log = door.service.decisions.log
        whole = type(log).promise

        def only_whole_slices(self: object, events: int) -> None:
            if events < batch.SLICE:
                raise Unavailable(Code.LOG_UNAVAILABLE, "the disk says no")
            whole(self, events)

        monkeypatch.setattr(type(log), "promise", only_whole_slices)
        results = json.loads((await send(door, ask(bodies))).body)
        assert [each["status"] for each in results] == [200] * batch.SLICE + [503] * 5
        monkeypatch.undo()
        again = json.loads((await send(door, ask(bodies))).body)
        assert [each["status"] for each in again] == [200] * len(bodies)
        assert again[: batch.SLICE] == results[: batch.SLICE]
        assert door.service.decisions.folded == len(bodies)

    converse(talk)


def test_single_decisions_are_answered_between_the_slices_of_a_long_batch(converse):
    async def talk(door: Door) -> None:
        order: list[str] = []

        async def many() -> None:
            await send(door, ask(transfers(900, own="long")))
            order.append("batch")

        async def one() -> None:
            await asyncio.sleep(0.005)
            single = transfers(1, own="sole")[0]
            await send(door, request(json.dumps(single).encode()))
            order.append("single")

        await asyncio.gather(many(), one())
        assert order == ["single", "batch"]

    converse(talk)

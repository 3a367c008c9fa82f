"""The direct way of `POST /v1/decisions`: the same answers as the usual way, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from crivo.adapters.http import direct
from tests.integration.doors import KEY, KNOWN, Door, body, request
from tests.unit.adapters.http.bodies import HOSTILE_DECISIONS

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
def test_a_request_in_one_piece_and_in_two_gets_the_same_answer(converse) -> None:
    converse(compare)


@pytest.mark.slow
def test_a_way_that_looks_at_fewer_headers_is_noticed(
    converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "check_json_headers", lambda *_, **__: None)
    with pytest.raises(AssertionError, match="another media type"):
        converse(compare)


@pytest.mark.slow
def test_a_slow_disk_and_a_full_house_are_told_and_a_repeat_finds_the_answer(
    converse, monkeypatch: pytest.MonkeyPatch
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
        # Who finds the house full is turned away before either way is taken.
        assert door.went == ["direct"] * 2

    converse(talk)


@pytest.mark.slow
def test_a_fault_of_ours_is_told_without_its_details_and_logged(
    converse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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

    converse(talk)


@pytest.mark.slow
def test_a_fault_in_one_answer_costs_no_other_of_its_group(
    converse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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

    converse(talk)

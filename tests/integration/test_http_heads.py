"""The head of a request has rules, a ceiling and a time; a connection that is silent is closed."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest

from crivo.adapters.http import head
from tests.integration.doors import KNOWN, Door, body, read_answer, request


async def gone(reader: asyncio.StreamReader, *, within: float) -> bytes:
    """What came until the other side closed."""
    async with asyncio.timeout(within):
        return await reader.read()


@pytest.mark.slow
def test_a_head_without_an_end_is_refused_soon_after_its_ceiling(converse):
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        writer.write(b"POST /v1/decisions HTTP/1.1\r\nx: ")
        sent = 0
        while sent < 4 * 1024 * 1024 and not reader.at_eof():
            writer.write(b"a" * 16_384)
            sent += 16_384
            try:
                await writer.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0)
        assert sent < 4 * 1024 * 1024
        writer.close()
        # Others are answered as ever.
        assert (await door.send(request(body()))).status == 200

    converse(talk)


@pytest.mark.slow
def test_a_head_below_the_ceiling_is_taken(converse):
    async def talk(door: Door) -> None:
        line = "x-long: " + "a" * (head.BYTES_MAX - 4_096)
        sent = request(body(), line)
        assert (await door.send(sent)).status == 200
        assert (await door.send(sent[:40_000], sent[40_000:])).status == 200

    converse(talk)


async def check_large_heads_are_refused(door: Door) -> None:
    sent = request(body(), "x-long: " + "a" * (head.BYTES_MAX + 1))
    for parts in ((sent,), (sent[:40_000], sent[40_000:])):
        answer = await door.send(*parts)
        assert answer.status == 400
        problem = json.loads(answer.body)
        assert problem["code"] == "BODY_MALFORMED"
        assert problem["found"] == head.TOO_LONG


@pytest.mark.slow
def test_a_whole_head_above_the_ceiling_is_refused_however_it_comes(converse):
    async def talk(door: Door) -> None:
        await check_large_heads_are_refused(door)
        # A large body is no large head.
        assert (await door.send(request(body() + b" " * 70_000))).status == 413

    converse(talk)


@pytest.mark.slow
def test_sabotage_a_door_that_measures_no_whole_head_is_noticed(converse, monkeypatch):
    monkeypatch.setattr(head, "_size", lambda *_: 0)

    async def talk(door: Door) -> None:
        with pytest.raises(AssertionError):
            await check_large_heads_are_refused(door)

    converse(talk)


def test_a_head_is_measured_without_its_body_and_over_all_its_pieces():
    lines = [(b"x-long", b"a" * (head.BYTES_MAX - 100))]
    read = head.Head()
    read.begins(1.0)
    read.reads(40_000)
    assert read.goes_on()
    # The second piece brings the end of the head and a large body.
    read.reads(100_000)
    assert read.ends(b"/v1/decisions", lines)
    assert not read.since
    read.begins(2.0)
    read.reads(70_000)
    assert not read.ends(b"/v1/decisions", [*lines, (b"y", b"b" * 100)])


def test_a_head_without_an_end_stops_at_its_ceiling():
    read = head.Head()
    read.begins(1.0)
    read.reads(head.BYTES_MAX)
    assert read.goes_on()
    read.reads(1)
    assert not read.goes_on()


@pytest.mark.slow
def test_what_is_silent_or_trickles_is_closed(converse, monkeypatch):
    monkeypatch.setattr(head, "SECONDS_MAX", 0.5)

    async def talk(door: Door) -> None:
        silent, quiet = await door.connect()
        trickled, writer = await door.connect()
        begun = time.monotonic()
        for part in b"POST /v1/decisions HTTP/1.1\r\nx: aaaaaaaaaaaaaaaaaaaaaaaaaaaa":
            writer.write(bytes([part]))
            await asyncio.sleep(0.05)
            if trickled.at_eof() or writer.is_closing():
                break
        assert await gone(silent, within=10) == b""
        assert await gone(trickled, within=10) == b""
        assert time.monotonic() - begun < 10
        quiet.close()
        writer.close()

    converse(talk)


@pytest.mark.slow
def test_a_connection_that_waits_for_its_answer_is_kept(converse):
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        for _ in range(2):
            writer.write(request(KNOWN))
            assert (await read_answer(reader)).status == 200
            await asyncio.sleep(1)
        writer.close()

    converse(talk)


NOT_HTTP = {
    "a chunk whose size is no number": (
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"
    ),
    "a length below nothing": (
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"
    ),
    "two lengths": (
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"
    ),
    "another protocol": b"EHLO bank.example\r\n\r\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("sent", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_no_http_is_refused_with_a_problem_document(converse, sent):
    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        writer.write(sent)
        answer = await read_answer(reader)
        assert answer.status == 400
        headers = dict(answer.headers)
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"connection"] == b"close"
        problem = json.loads(answer.body)
        assert problem["code"] == "BODY_MALFORMED"
        assert problem["field"] == "request"
        assert problem["expected"]
        assert problem["found"]
        assert await gone(reader, within=10) == b""
        writer.close()

    converse(talk)


LIVE = b"GET /health/live HTTP/1.1\r\n"
HOST = b"host: x\r\n"
#: Heads that can be read and may not be: what is sent, and the refusal's status, code and field.
BROKEN = {
    "no host": (LIVE + b"\r\n", 400, "BODY_MALFORMED", "host"),
    "two hosts": (LIVE + HOST + b"Host: y\r\n\r\n", 400, "BODY_MALFORMED", "host"),
    "two hosts in HTTP/1.0": (
        LIVE.replace(b"1.1", b"1.0") + 2 * HOST + b"\r\n",
        400,
        "BODY_MALFORMED",
        "host",
    ),
    "a decision without a host": (
        request(KNOWN).replace(HOST, b""),
        400,
        "BODY_MALFORMED",
        "host",
    ),
    "a fragment": (
        LIVE.replace(b"live", b"live#a") + HOST + b"\r\n",
        400,
        "BODY_MALFORMED",
        "target",
    ),
    "a fragment behind a query": (
        LIVE.replace(b"live", b"live?a=1#b") + HOST + b"\r\n",
        400,
        "BODY_MALFORMED",
        "target",
    ),
    "a fragment that is empty": (
        LIVE.replace(b"live", b"live#") + HOST + b"\r\n",
        400,
        "BODY_MALFORMED",
        "target",
    ),
    "HTTP/2.0": (
        LIVE.replace(b"1.1", b"2.0") + HOST + b"\r\n",
        505,
        "HTTP_VERSION",
        "version",
    ),
    "a decision in HTTP/2.0": (
        request(KNOWN).replace(b"HTTP/1.1", b"HTTP/2.0"),
        505,
        "HTTP_VERSION",
        "version",
    ),
    "HTTP/0.9": (
        LIVE.replace(b"1.1", b"0.9") + HOST + b"\r\n",
        505,
        "HTTP_VERSION",
        "version",
    ),
}


def refused(door: Door, code: str) -> float:
    """How many refusals of a code were counted."""
    text = door.service.metrics.render().decode()
    found = re.search(rf'crivo_requests_refused_total\{{code="{code}"\}} (\S+)', text)
    return 0.0 if found is None else float(found[1])


async def check_is_refused(door: Door, first: bytes, sent: bytes, told: tuple) -> None:
    reader, writer = await door.connect()
    try:
        if first:
            writer.write(first)
            assert (await read_answer(reader)).status == 200
        before = refused(door, told[1])
        writer.write(sent)
        answer = await read_answer(reader)
        problem = json.loads(answer.body)
        assert (answer.status, problem.get("code"), problem.get("field")) == told, problem
        assert problem["expected"] and problem["found"] and problem["hint"]
        assert dict(answer.headers)[b"connection"] == b"close"
        assert await gone(reader, within=10) == b""
        assert refused(door, told[1]) == before + 1
    finally:
        writer.close()


async def check_broken_heads_are_refused_and_counted(door: Door) -> None:
    for sent, *told in BROKEN.values():
        # On a connection of its own, and behind a request that was answered.
        for first in (b"", request(KNOWN)):
            await check_is_refused(door, first, sent, tuple(told))


@pytest.mark.slow
def test_a_head_that_another_server_may_read_otherwise_is_refused_and_counted(converse):
    converse(check_broken_heads_are_refused_and_counted)


@pytest.mark.slow
def test_sabotage_a_door_that_reads_no_head_is_noticed(converse, monkeypatch):
    monkeypatch.setattr(head, "check_head", lambda *_: None)

    async def talk(door: Door) -> None:
        with pytest.raises(AssertionError):
            await check_broken_heads_are_refused_and_counted(door)

    converse(talk)


@pytest.mark.slow
def test_a_plain_request_of_either_version_is_answered(converse):
    async def talk(door: Door) -> None:
        assert (await door.send(LIVE + HOST + b"\r\n")).status == 200
        assert (await door.send(LIVE.replace(b"1.1", b"1.0") + b"\r\n")).status == 200
        # A host may be empty, and is compared in either case.
        assert (await door.send(LIVE + b"HOST:\r\n\r\n")).status == 200

    converse(talk)

"""A connection that repeats a head is answered as a new one is, and its head is parsed once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crivo.adapters.http import direct
from crivo.adapters.http.key_file import LOOK_NS
from crivo.adapters.http.known_head import KnownHead
from crivo.bootstrap.access import new_api_key, revoke_api_key
from crivo.bootstrap.service import build_service
from tests.e2e.homes import make_home, settings_of
from tests.integration.doors import KNOWN, Door, body, opened, read_answer, request
from tests.integration.test_http_direct import REQUESTS

HEAD = b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\nContent-Length: 2\r\nAccept: */*\r\n\r\n"
SCOPE: dict[str, Any] = {
    "type": "http",
    "headers": [(b"host", b"x"), (b"content-length", b"2"), (b"accept", b"*/*")],
}


@pytest.mark.parametrize(
    ("data", "length", "rest"),
    [
        (HEAD + b"{}", b"2", b"{}"),
        (HEAD.replace(b" 2", b" 11") + b"0123456789a", b"11", b"0123456789a"),
        (HEAD.replace(b" 2", b" 0"), b"0", b""),
        (HEAD.replace(b" 2", b" 0002") + b"{}", b"0002", b"{}"),
    ],
)
def test_a_head_that_differs_in_its_length_alone_is_known(data, length, rest):
    scope, raw = KnownHead(HEAD + b"{}", SCOPE).of(data)
    assert raw == rest
    host, _, accept = SCOPE["headers"]
    assert scope == {**SCOPE, "headers": [host, (b"content-length", length), accept]}
    assert SCOPE["headers"][1] == (b"content-length", b"2")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:40],
        HEAD,
        HEAD + b"{",
        HEAD + b"{}P",
        HEAD + b"{}" + HEAD + b"{}",
        HEAD.replace(b" 2", b" ") + b"{}",
        HEAD.replace(b" 2", b" +2") + b"{}",
        HEAD.replace(b" 2", b" 2 ") + b"{}",
        HEAD.replace(b" 2", b" -2") + b"{}",
        HEAD.replace(b" 2", b" 2, 2") + b"{}",
        HEAD.replace(b" 2", b" 00000002") + b"{}",
        HEAD.replace(b"Length", b"length") + b"{}",
        HEAD.replace(b"Accept", b"Expect") + b"{}",
        HEAD.replace(b"\r\n\r\n", b"\r\nx: y\r\n\r\n") + b"{}",
        HEAD.replace(b"decisions", b"decisiont") + b"{}",
    ],
)
def test_what_may_be_another_request_is_left_to_the_parser(data):
    assert KnownHead(HEAD + b"{}", SCOPE).of(data) is None


#: The plain ones, and some of the hostile bodies.
SOME = dict(list(REQUESTS.items())[:7] + list(REQUESTS.items())[7::6])


async def check_a_connection_answers_as_a_new_one(door: Door) -> None:
    """Law: whatever was sent before it, a request gets the answer that it gets alone."""
    known = (await door.send(request(KNOWN))).told
    for name, sent in SOME.items():
        alone = await door.send(sent)
        reader, writer = await door.connect()
        try:
            writer.write(request(KNOWN))
            assert (await read_answer(reader)).told == known
            writer.write(sent)
            assert (await read_answer(reader)).told == alone.told, name
        finally:
            writer.close()


@pytest.mark.slow
def test_whatever_was_sent_before_a_request_gets_the_answer_that_it_gets_alone(converse):
    converse(check_a_connection_answers_as_a_new_one)


class Hasty(KnownHead):
    """Takes whatever comes for another request with the head that it knows."""

    __slots__ = ()

    def of(self, data):
        scope, _ = super().of(request(KNOWN))
        return scope, data.partition(b"\r\n\r\n")[2]


@pytest.mark.slow
def test_sabotage_a_head_that_is_taken_for_another_is_noticed(converse, monkeypatch):
    monkeypatch.setattr(direct, "KnownHead", Hasty)
    with pytest.raises(AssertionError, match="a wrong key"):
        converse(check_a_connection_answers_as_a_new_one)


def parsed(monkeypatch):
    """How many heads were parsed so far."""
    heads = []
    ends = direct.DirectProtocol.on_headers_complete

    def counted(protocol):
        heads.append(protocol.url)
        ends(protocol)

    monkeypatch.setattr(direct.DirectProtocol, "on_headers_complete", counted)
    return heads


@pytest.mark.slow
def test_a_head_is_parsed_once_and_one_in_pieces_or_with_a_second_request_as_before(
    converse, monkeypatch
):
    heads = parsed(monkeypatch)

    async def talk(door: Door) -> None:
        reader, writer = await door.connect()

        async def answered(*parts: bytes) -> None:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.02)
            assert (await read_answer(reader)).status == 200

        for _ in range(5):
            await answered(request(body()))
        assert (len(heads), door.went) == (1, ["direct"] * 5)
        sent = request(body())
        await answered(sent[:50], sent[50:])
        # The next piece begins a request again, and the head is still known.
        await answered(request(body()))
        assert len(heads) == 2
        writer.write(request(body()) + request(body()))
        for _ in range(2):
            assert (await read_answer(reader)).status == 200
        assert len(heads) == 4
        await answered(request(body()))
        assert len(heads) == 4
        writer.close()

    converse(talk)


@pytest.mark.slow
def test_heads_that_always_differ_are_noted_a_few_times_and_no_more(converse, monkeypatch):
    made = []

    class Counted(KnownHead):
        __slots__ = ()

        def __init__(self, *arguments):
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(direct, "KnownHead", Counted)

    async def talk(door: Door) -> None:
        reader, writer = await door.connect()
        for number in range(3 * direct.HEADS_NOTED_MAX):
            writer.write(request(body(), f"x-request-id: {number}"))
            assert (await read_answer(reader)).status == 200
        writer.close()

    converse(talk)
    assert len(made) == direct.HEADS_NOTED_MAX


@pytest.mark.slow
def test_a_key_that_is_revoked_is_refused_under_a_head_that_is_known(tmp_path):
    async def talk() -> None:
        async with opened(build_service(settings_of(make_home(tmp_path / "home")))) as door:
            settings = door.service.home.settings
            key = new_api_key(settings, "bank")
            await asyncio.sleep(2 * LOOK_NS / 1e9)
            reader, writer = await door.connect()
            statuses = []
            for turn in range(4):
                if turn == 2:
                    revoke_api_key(settings, "bank")
                    await asyncio.sleep(2 * LOOK_NS / 1e9)
                writer.write(request(body(), key=key))
                statuses.append((await read_answer(reader)).status)
            writer.close()
            assert statuses == [200, 200, 401, 401]

    asyncio.run(talk())

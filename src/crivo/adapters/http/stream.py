"""`GET /v1/stream`: decisions as they become visible, as server-sent events (WHATWG HTML §9.2).

The id of an event is the decision's place in the log, so a stream goes on where it was: also after
a restart, and on another connection. It is bounded: whoever reads too slowly, or comes back too
late, is told of the gap, and looks the rest up by `GET /v1/decisions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from crivo.adapters.http.answers import FoundDecision
from crivo.adapters.http.feed import Feed
from crivo.decision.outcome import Outcome, parse_outcome
from crivo.domain.errors import Code, Unavailable, invalid
from crivo.domain.instant import format_rfc3339
from crivo.flows.noted import Seen

#: Streams at a time.
STREAMS_MAX: Final = 8

#: How often a stream looks for news, and how many it takes at once: 1,280 a second at most, which
#: is what eight streams may cost the loop, some 3 % of it.
LOOK_SECONDS: Final = 0.2
EVENTS_MAX: Final = 256

#: A comment is sent where nothing else was for so long: proxies close what is silent.
SILENT_SECONDS_MAX: Final = 15.0

_ID_DIGITS_MAX: Final = 18


class Streams:
    """The streams that are open, and the feed that all of them read."""

    def __init__(self, feed: Feed, *, is_stopping: Callable[[], bool]) -> None:
        self._feed: Final = feed
        self._is_stopping: Final = is_stopping
        self._open = 0

    async def events(self, after: int | None, outcome: Outcome | None) -> AsyncIterator[bytes]:
        """The events behind a place of the log (None: those to come), until the service stops."""
        place = self._feed.newest if after is None else after
        yield b": decisions follow\n\n"
        silent = 0.0
        while not self._is_stopping():
            chunk, place = self._chunk(place, outcome)
            if chunk:
                silent = 0.0
                yield chunk
            elif (silent := silent + LOOK_SECONDS) >= SILENT_SECONDS_MAX:
                silent = 0.0
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)

    @contextmanager
    def room(self) -> Iterator[None]:
        """One stream's place, until it is left.

        Raises:
            Unavailable: OVERLOADED where none is free.
        """
        if self._open >= STREAMS_MAX:
            raise Unavailable(
                Code.OVERLOADED,
                "too many streams are open",
                hint="Close one, or look decisions up by GET /v1/decisions.",
                expected=f"at most {STREAMS_MAX} streams",
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def _chunk(self, place: int, outcome: Outcome | None) -> tuple[bytes, int]:
        floor, news = self._feed.after(place, limit=EVENTS_MAX)
        parts = []
        if place < floor:
            data = b'{"after":%d,"to":%d}' % (place, floor)
            parts.append(b"event: gap\nid: %d\ndata: %b\n\n" % (floor, data))
            place = floor
        for seen in news:
            place = seen.answer.seq
            if outcome is None or seen.answer.outcome is outcome:
                parts.append(_event(seen))
        return b"".join(parts), place


class _EventStream(StreamingResponse):
    """A stream that is answered in a place of its own: refused before its head where none is free,
    and given back however it ends, also where its caller was gone before the first event.
    """

    def __init__(self, streams: Streams, after: int | None, outcome: Outcome | None) -> None:
        super().__init__(
            streams.events(after, outcome),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        self._streams: Final = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._streams.room():
            await super().__call__(scope, receive, send)


def _event(seen: Seen) -> bytes:
    answer = seen.answer
    body = FoundDecision(
        end_to_end_id=answer.end_to_end_id,
        phase=answer.phase,
        outcome=answer.outcome.value,
        score=answer.score,
        amount_centavos=seen.transfer.amount_centavos,
        occurred_at=format_rfc3339(answer.occurred_at),
        received_at=format_rfc3339(answer.received_at),
    )
    return b"event: decision\nid: %d\ndata: %b\n\n" % (answer.seq, msgspec.json.encode(body))


def stream_routes(streams: Streams) -> APIRouter:
    """The route of the stream."""
    router = APIRouter()

    @router.get(
        "/v1/stream",
        tags=["decisions"],
        summary="Decisions as they are made, as server-sent events",
        responses={200: {"description": "Events", "content": {"text/event-stream": {}}}},
        response_class=StreamingResponse,
    )
    async def stream(
        outcome: Annotated[str | None, Query(max_length=16)] = None,
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> Response:
        wanted = None if outcome is None else parse_outcome(outcome, field="outcome")
        after = None if last_event_id is None else parse_event_id(last_event_id)
        return _EventStream(streams, after, wanted)

    return router


def parse_event_id(text: str) -> int:
    """The place in the log that an event's id names.

    Raises:
        Refused: FIELD_VALUE.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS_MAX):
        raise invalid(
            Code.FIELD_VALUE, field="last-event-id", expected="the id of an event", found=text
        )
    return int(text)

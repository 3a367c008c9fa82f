"""Events as records of Kafka: the key in hex, an array of MessagePack, and headers that place it.

A record bears one of two numbers. `seq`: the log's one writer numbered it. `answers`: a worker made
it of the event of that number, and it stands right behind that event for every reader. A record
without either is nobody's of ours.

Besides, headers say what a person or a program that follows a transfer through topics asks for: the
schema of the payload, the event that it came of, and a trace. That trace is the first event's own
id, so that all that came of a transfer is one trace, and equal events are equal bytes.

Source: W3C Trace Context, level 2, section 3.2 (`traceparent`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from confluent_kafka import Message

from crivo.domain.errors import Code, Refused
from crivo.domain.event import ENTITY_ID_BYTES
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow

#: The header that names the schema of the payload, `name.vN`.
SCHEMA: Final = "schema"
#: The header with the number that the writer gave it.
SEQ: Final = "seq"
#: The header with the number of the event that it answers.
ANSWERS: Final = "answers"
#: The header with the id, in hex, of the event that it came of.
CAUSE: Final = "cause"
#: The header with its trace, as W3C spells it: the first event's id, then half of its own.
TRACE: Final = "traceparent"

#: Numbers are below it, as SQLite's are.
NUMBER_MAX: Final = 1 << 62
_DIGITS_MAX: Final = 19


class Value(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a record's value holds; fields are only ever appended."""

    event_id: bytes
    occurred_at: int
    received_at: int
    source: str
    payload: bytes
    sealed: bytes | None = None


#: Headers as a client takes them.
HeaderList = list[tuple[str, str | bytes | None]]
#: Headers as they are read: of several of one name the last.
Headers = Mapping[str, str | bytes | None]


#: A record as the client gives it.
Came = Message


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record as a client takes it."""

    key: bytes
    value: bytes
    headers: HeaderList


class Place(NamedTuple):
    """Where a record stands among all: behind the event of that number where it is an answer."""

    number: int
    is_answer: bool


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Value)


def record_of(row: EventRow) -> Record:
    """The record of a row that a log's writer numbered: equal rows are equal bytes."""
    return _record(row, ((SEQ, b"%d" % row[0]),), first=row[4].hex().encode())


def answer_of(row: EventRow, *, cause: bytes) -> Record:
    """The record of a row that answers the event of the row's number, whose id is `cause`."""
    first = cause.hex().encode()
    return _record(row, ((ANSWERS, b"%d" % row[0]), (CAUSE, first)), first=first)


def headers_of(message: Message) -> Headers:
    """The headers of a record that came."""
    return dict(message.headers() or ())


def came(
    topic: str,
    partition: int,
    offset: int,
    *,
    key: bytes | None,
    value: bytes | None,
    headers: HeaderList,
) -> Came:
    """A record that another client brought, as this one gives it."""
    return Message(topic, partition, offset, key, value, headers)


def place_of(headers: Headers) -> Place | None:
    """Where a record with these headers stands; None for one that is nobody's of ours."""
    value, is_answer = headers.get(SEQ), False
    if value is None:
        value, is_answer = headers.get(ANSWERS), True
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > _DIGITS_MAX:
        return None
    number = int(value)
    return Place(number, is_answer) if number < NUMBER_MAX else None


def row_of(
    stream: Stream,
    partition: int,
    offset: int,
    *,
    number: int,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
) -> EventRow:
    """The row of a record of that stream's topic.

    Raises:
        Refused: ROW_MALFORMED for a key, value or headers that no event has.
    """
    schema = headers.get(SCHEMA)
    if not isinstance(schema, bytes) or not schema:
        raise _malformed("headers", f"one that is named {SCHEMA}", ", ".join(sorted(headers)))
    try:
        entity = bytes.fromhex((key or b"").decode())
        read = _DECODER.decode(value or b"")
        name = schema.decode()
    except (ValueError, msgspec.DecodeError) as error:
        raise _malformed("value", "a key in hex and an array of MessagePack", error) from error
    if len(entity) != ENTITY_ID_BYTES or len(read.event_id) != ENTITY_ID_BYTES:
        expected = f"ids of {ENTITY_ID_BYTES} bytes"
        raise _malformed("key", expected, f"{len(entity)} and {len(read.event_id)}")
    return (
        number,
        stream.value,
        partition,
        offset,
        read.event_id,
        entity,
        read.occurred_at,
        read.received_at,
        name,
        read.source,
        read.payload,
        read.sealed,
    )


def _record(row: EventRow, placed: Sequence[tuple[str, bytes]], *, first: bytes) -> Record:
    """The record of a row; `first` is the id, in hex, of the event that began its trace."""
    value = _ENCODER.encode(Value(row[4], row[6], row[7], row[9], row[10], row[11]))
    trace = b"00-%b-%b-01" % (first, row[4][:8].hex().encode())
    headers: HeaderList = [(SCHEMA, row[8].encode()), *placed, (TRACE, trace)]
    return Record(row[5].hex().encode(), value, headers)


def _malformed(field: str, expected: str, found: object) -> Refused:
    return Refused(
        Code.ROW_MALFORMED,
        "a record of Kafka is no event",
        hint="Only Crivo writes these topics; look at what else does.",
        field=field,
        expected=expected,
        found=str(found)[:80],
    )

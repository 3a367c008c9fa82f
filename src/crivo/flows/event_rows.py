"""Events as the rows that a log stores: what is sealed of them, and how they are read again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from crivo.domain.event import ENTITY_ID_BYTES, Event, StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.seal import StoredRecord
from crivo.governance.identity import IdentitySealer, is_clear
from crivo.governance.record_cipher import RecordCipher, is_sealed, key_number, missing_key

#: seq, stream, partition, offset, event_id, key, occurred_at, received_at, schema, source, payload,
#: sealed.
EventRow = tuple[int, str, int, int, bytes, bytes, int, int, str, str, bytes, bytes | None]

#: The streams whose payloads are encrypted at rest.
SEALED_STREAMS: Final = frozenset({Stream.DECISIONS.value})

_RECORDS: Final = msgspec.msgpack.Encoder()

_STREAMS: Final = {stream.value: stream for stream in Stream}


def row_of(event: Event, *, seq: int, partition: int, offset: int = -1) -> EventRow:
    """The row of an event in clear; -1 where the offset is not known before it is written."""
    assert len(event.key) == ENTITY_ID_BYTES and len(event.event_id) == ENTITY_ID_BYTES
    return (
        seq,
        event.stream.value,
        partition,
        offset,
        event.event_id,
        event.key,
        event.occurred_at,
        event.received_at,
        event.schema,
        event.source,
        event.payload,
        event.sealed,
    )


def without_offset(row: EventRow) -> tuple[object, ...]:
    """What is one in all copies of a log: offsets are each one's own."""
    return (*row[:3], *row[4:])


def digest_of(row: EventRow) -> bytes:
    """16 bytes that tell a row from any other, as `without_offset` compares them."""
    return blake2b(_RECORDS.encode(without_offset(row)), digest_size=16).digest()


def stored_event(row: EventRow, cipher: RecordCipher | None = None) -> StoredEvent:
    """The event of a row; its payload in clear.

    Raises:
        Misconfigured: KEY_MISSING, SEAL_BROKEN for a sealed payload that does not open.
    """
    (
        seq, stream, partition, offset, event_id, key, occurred_at, received_at, schema, source,
        payload, sealed,
    ) = row  # fmt: skip
    if is_sealed(payload):
        payload = open_payload(payload, event_id=event_id, cipher=cipher)
    event = Event(
        _STREAMS[stream],
        key,
        event_id,
        occurred_at,
        received_at,
        schema,
        source,
        payload,
        sealed,
    )
    return StoredEvent(seq, partition, offset, event)


def open_payload(payload: bytes, *, event_id: bytes, cipher: RecordCipher | None) -> bytes:
    """What a sealed payload holds.

    Raises:
        Misconfigured: as `stored_event`.
    """
    if cipher is None:
        raise missing_key(key_number(payload))
    return cipher.open(payload, event_id=event_id)


def stored_record(row: EventRow) -> StoredRecord:
    """The record of a row: all that is stored of it, but where it lies, in one text of bytes."""
    seq, stream, partition, offset, *rest = row
    data = _RECORDS.encode((stream, partition, *rest))
    return StoredRecord(seq, partition, offset, row[7], data)


def event_id_of(record: bytes) -> bytes:
    """The id of the event whose record these bytes are, as `stored_record` wrote them."""
    event_id: bytes = msgspec.msgpack.decode(record)[2]
    return event_id


def seal_rows(
    rows: Sequence[EventRow], *, cipher: RecordCipher | None, identities: IdentitySealer | None
) -> list[EventRow]:
    """The rows as they are stored: payloads of `SEALED_STREAMS` encrypted, identities sealed.

    Raises:
        Unavailable: FILE_UNWRITABLE where a new key cannot be kept.
    """
    if any(row[11] is not None for row in rows):
        rows = _seal_identities(rows, identities)
    if cipher is None or not any(row[1] in SEALED_STREAMS for row in rows):
        return list(rows)
    cipher.rotate(rows[0][0])
    clear = [row for row in rows if row[1] in SEALED_STREAMS]
    sealed = iter(cipher.seal_all([row[10] for row in clear], event_ids=[row[4] for row in clear]))
    return [(*row[:10], next(sealed), row[11]) if row[1] in SEALED_STREAMS else row for row in rows]


def _seal_identities(rows: Sequence[EventRow], identities: IdentitySealer | None) -> list[EventRow]:
    clear = {
        row[4]: (row[4], row[7], row[11])
        for row in rows
        if row[11] is not None and is_clear(row[11])
    }
    assert identities is not None or not clear, "a log without keys of persons takes no identity"
    if identities is None or not clear:
        return list(rows)
    sealed = dict(zip(clear, identities.seal(list(clear.values())), strict=True))
    return [(*row[:11], sealed.get(row[4], row[11])) for row in rows]

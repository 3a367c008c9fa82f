"""The envelope of every event, and the identity that makes reading one twice harmless."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

from crivo.domain.identifiers import length_prefixed
from crivo.domain.streams import Stream

ENTITY_ID_BYTES: Final = 16

#: Transfers are named by the rail, whichever door they came through and whoever imports them.
TRANSFER_FAMILY: Final = "transfer"
RAIL_SOURCE: Final = "pix"

#: The start of what a transfer's event id is a digest of: `make_event_id` of the same three parts.
_TRANSFER_PREFIX: Final = length_prefixed(TRANSFER_FAMILY.encode(), RAIL_SOURCE.encode())


def make_event_id(family: str, source: str, own_id: str) -> bytes:
    """128 bits of SHA-256 over the length-prefixed (stream family, source, the source's own id)."""
    return _event_id(_family_prefix(family, source), own_id)


@lru_cache(maxsize=64)
def _family_prefix(family: str, source: str) -> bytes:
    return length_prefixed(family.encode(), source.encode())


def transfer_event_id(end_to_end_id: str) -> bytes:
    """The event id of a transfer: its EndToEndId is the source's own id, at every door."""
    return _event_id(_TRANSFER_PREFIX, end_to_end_id)


def _event_id(prefix: bytes, own_id: str) -> bytes:
    own = own_id.encode()
    return hashlib.sha256(prefix + len(own).to_bytes(4, "big") + own).digest()[:16]


class Event(NamedTuple):
    """What is appended. Times are instants; `key` is the subject's 16-byte entity id.

    `payload` is a msgpack array in the order of the schema `name.vN`; `sealed` is the identity part
    where one was given, sealed under keys of persons before it is written. `source` names the door,
    for people: it is in no comparison.

    A named tuple, since a start reads a million and a frozen dataclass takes three times as long.
    """

    stream: Stream
    key: bytes
    event_id: bytes
    occurred_at: int
    received_at: int
    schema: str
    source: str
    payload: bytes
    sealed: bytes | None = None


class StoredEvent(NamedTuple):
    """An event with its place: `seq` counts the whole log, `offset` the partition, both from 0."""

    seq: int
    partition: int
    offset: int
    event: Event

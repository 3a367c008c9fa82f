"""The streams of the log, and which partition of a stream a key belongs to."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from struct import Struct
from typing import Final


class Stream(StrEnum):
    """A stream's name is its topic; the version changes only with an incompatible record.

    What an account had, was and allowed comes before what it pays, and that before what came of it.
    """

    DICT = "pix.dict.v1"
    LIMITS = "pix.limits.v1"
    LISTS = "pix.lists.v1"
    DEVICES = "pix.devices.v1"
    LOGINS = "pix.logins.v1"
    HISTORY = "pix.history.v1"
    TRANSFERS = "pix.transfers.v1"
    DECISIONS = "pix.decisions.v1"
    ALERTS = "pix.alerts.v1"
    SETTLEMENTS = "pix.settlements.v1"
    REPORTS = "pix.reports.v1"
    LEDGER = "pix.ledger.v1"
    PRIVACY = "pix.privacy.v1"
    CUTS = "pix.cuts.v1"


#: The place of a stream among events of one order time: what was known earliest comes first.
STREAM_RANK: Final = {stream: rank for rank, stream in enumerate(Stream)}

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_FOUR: Final = Struct("<I")


def murmur2(data: bytes) -> int:
    """Murmur2 as Kafka's clients compute it (32 bits, seed 0x9747b28c): all partition alike."""
    length = len(data)
    digest = (_SEED ^ length) & _WORD
    whole = length & ~3
    for (four,) in _FOUR.iter_unpack(data[:whole]):
        word = four * _MULTIPLIER & _WORD
        word = (word ^ (word >> 24)) * _MULTIPLIER & _WORD
        digest = (digest * _MULTIPLIER & _WORD) ^ word
    if whole < length:
        digest = (digest ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    digest = (digest ^ (digest >> 13)) * _MULTIPLIER & _WORD
    return digest ^ (digest >> 15)


@lru_cache(maxsize=1 << 17)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a 16-byte entity id; the record key is its 32 hex digits (`murmur2`)."""
    return (murmur2(key.hex().encode()) & 0x7FFFFFFF) % partitions

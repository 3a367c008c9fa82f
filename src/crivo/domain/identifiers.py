"""Identifiers of the rail: the EndToEndId and the ISPB (the SPI and DICT manuals)."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.domain.instant import HOUR, MINUTE, from_datetime

_END_TO_END_ID: Final = re.compile(r"E[0-9A-Z]{8}[0-9]{12}[a-zA-Z0-9]{11}", re.ASCII)
_ISPB: Final = re.compile(r"[0-9A-Z]{8}", re.ASCII)
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = [low + high for high in _BASE62 for low in _BASE62]

#: Minutes that are remembered: a process sees the same few, an import sees them in order.
_MINUTES_MAX: Final = 4_096

#: The settlement system accepts an id whose minute lies within ±12 h (SPI manual).
END_TO_END_ID_TOLERANCE: Final = 12 * HOUR


def end_to_end_id_minute(end_to_end_id: str) -> int:
    """The instant of the minute that an EndToEndId names (UTC).

    `E` + ISPB (8) + `yyyyMMddHHmm` in UTC + 11 alphanumerics; 32 characters, case-sensitive.

    Raises:
        Refused: ID_INVALID.
    """
    try:
        if not _END_TO_END_ID.fullmatch(end_to_end_id):
            raise ValueError(end_to_end_id)
        return _instant_of_minute(end_to_end_id[9:21])
    except ValueError:
        raise invalid(
            Code.ID_INVALID,
            field="end_to_end_id",
            expected="E + ISPB (8) + yyyyMMddHHmm in UTC + 11 alphanumerics",
            found=end_to_end_id,
        ) from None


@lru_cache(maxsize=_MINUTES_MAX)
def _instant_of_minute(digits: str) -> int:
    return from_datetime(
        datetime(
            int(digits[:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            int(digits[10:12]),
            tzinfo=UTC,
        )
    )


@lru_cache(maxsize=_MINUTES_MAX)
def _minute_digits(minute: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute):%Y%m%d%H%M}"


def check_id_time(end_to_end_id: str, received_at: int) -> None:
    """Nothing, if the id's minute lies within 12 h of `received_at`.

    Raises:
        Refused: ID_INVALID, ID_TIME.
    """
    minute = end_to_end_id_minute(end_to_end_id)
    if abs(received_at - minute) > END_TO_END_ID_TOLERANCE:
        raise invalid(
            Code.ID_TIME,
            field="end_to_end_id",
            expected="a minute within 12 h of the time of receipt",
            found=end_to_end_id,
            hint="An id is made when the transfer is initiated; old ones need no decision.",
        )


def derived_end_to_end_id(occurred_at: int, *parts: str) -> str:
    """An EndToEndId for a row that has none: `E00000000` + minute + 11 base-62 characters.

    The characters come from SHA-256 over the length-prefixed `parts` (a mapping's `source` and the
    row's id), so that reading the same row again gives the same id.
    """
    digest = hashlib.sha256(length_prefixed(*(part.encode() for part in parts))).digest()
    # The eleven digits of lowest value, the lowest first, found in pairs.
    number = int.from_bytes(digest[:16], "big") % 62**11
    characters = ""
    for _ in range(5):
        number, pair = divmod(number, 62**2)
        characters += _PAIRS[pair]
    characters += _BASE62[number]
    return f"E00000000{_minute_digits(occurred_at // MINUTE)}{characters}"


def check_ispb(ispb: str, *, field: str) -> str:
    """The same ISPB, if it is eight characters of 0-9 and A-Z.

    Raises:
        Refused: ID_INVALID.
    """
    if not _ISPB.fullmatch(ispb):
        raise invalid(
            Code.ID_INVALID, field=field, expected="eight characters of 0-9 and A-Z", found=ispb
        )
    return ispb


def length_prefixed(*parts: bytes) -> bytes:
    """The parts joined so that no two different lists of parts give the same bytes."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])

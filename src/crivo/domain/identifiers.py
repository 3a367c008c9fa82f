"""Identifiers of the rail: the EndToEndId and the ISPB (the SPI and DICT manuals)."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.domain.instant import HOUR, SECOND, from_datetime

_END_TO_END_ID: Final = re.compile(r"E[0-9A-Z]{8}[0-9]{12}[a-zA-Z0-9]{11}", re.ASCII)
_ISPB: Final = re.compile(r"[0-9A-Z]{8}", re.ASCII)
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

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
        digits = end_to_end_id[9:21]
        moment = datetime(
            int(digits[:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            int(digits[10:12]),
            tzinfo=UTC,
        )
    except ValueError:
        raise invalid(
            Code.ID_INVALID,
            field="end_to_end_id",
            expected="E + ISPB (8) + yyyyMMddHHmm in UTC + 11 alphanumerics",
            found=end_to_end_id,
        ) from None
    return from_datetime(moment)


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
    number = int.from_bytes(digest[:16], "big")
    characters = []
    for _ in range(11):
        number, index = divmod(number, 62)
        characters.append(_BASE62[index])
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=occurred_at // SECOND)
    return f"E00000000{moment:%Y%m%d%H%M}{''.join(characters)}"


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
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)

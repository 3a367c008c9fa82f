"""Identifiers of the rail: payments, returns, messages, the ISPB (the SPI and DICT manuals)."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from crivo.domain.errors import Code, invalid
from crivo.domain.instant import EARLIEST, HOUR, LATEST, MINUTE, check_instant, from_datetime

END_TO_END_ID_PATTERN: Final = r"E[0-9A-Z]{8}[0-9]{12}[a-zA-Z0-9]{11}"
RETURN_ID_PATTERN: Final = r"D[0-9A-Z]{8}[0-9]{12}[a-zA-Z0-9]{11}"
MESSAGE_ID_PATTERN: Final = r"M[0-9A-Z]{8}[a-zA-Z0-9]{23}"
ISPB_PATTERN: Final = r"[0-9A-Z]{8}"
#: Of a static code at most 25 characters, of a dynamic one 26 to 35.
TXID_PATTERN: Final = r"[a-zA-Z0-9]{1,35}"

_END_TO_END_ID: Final = re.compile(END_TO_END_ID_PATTERN, re.ASCII)
_RETURN_ID: Final = re.compile(RETURN_ID_PATTERN, re.ASCII)
_MESSAGE_ID: Final = re.compile(MESSAGE_ID_PATTERN, re.ASCII)
_ISPB: Final = re.compile(ISPB_PATTERN, re.ASCII)
_TXID: Final = re.compile(TXID_PATTERN, re.ASCII)
_OWN_PART: Final = re.compile(r"[a-zA-Z0-9]{11}", re.ASCII)
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = [low + high for high in _BASE62 for low in _BASE62]

#: Where an id spells its minute.
_DIGITS: Final = slice(9, 21)

#: Minutes that are remembered: a process sees the same few, an import sees them in order.
_MINUTES_MAX: Final = 4_096

#: The settlement system accepts an id whose minute lies within ±12 h (SPI manual).
END_TO_END_ID_TOLERANCE: Final = 12 * HOUR


def end_to_end_id_minute(end_to_end_id: str, *, field: str = "end_to_end_id") -> int:
    """The instant of the minute that an EndToEndId names (UTC).

    `E` + ISPB (8) + `yyyyMMddHHmm` in UTC + 11 alphanumerics; 32 characters, case-sensitive. Its
    year is one that instants have, 2000 to 2099.

    Raises:
        Refused: ID_INVALID.
    """
    try:
        if not _END_TO_END_ID.fullmatch(end_to_end_id):
            raise ValueError(end_to_end_id)
        return _instant_of_minute(end_to_end_id[_DIGITS])
    except (TypeError, ValueError):
        raise invalid(
            Code.ID_INVALID,
            field=field,
            expected="E + ISPB (8) + yyyyMMddHHmm in UTC + 11 alphanumerics",
            found=end_to_end_id,
        ) from None


def minute_digits_of(end_to_end_id: str) -> str:
    """The digits of the minute that an EndToEndId names: of two ids they are in the order of time.

    >>> minute_digits_of("E000381662026112312000123456789a")
    '202611231200'
    """
    return end_to_end_id[_DIGITS]


def return_id_minute(return_id: str, *, field: str = "return_id") -> int:
    """The instant of the minute that the id of a return names (UTC): an EndToEndId with a `D`.

    Raises:
        Refused: ID_INVALID.
    """
    try:
        if not _RETURN_ID.fullmatch(return_id):
            raise ValueError(return_id)
        return _instant_of_minute(return_id[_DIGITS])
    except (TypeError, ValueError):
        raise invalid(
            Code.ID_INVALID,
            field=field,
            expected="D + ISPB (8) + yyyyMMddHHmm in UTC + 11 alphanumerics",
            found=return_id,
        ) from None


def make_end_to_end_id(ispb: str, initiated_at: int, own_part: str) -> str:
    """The id of a payment: `E`, the ISPB of whoever initiates, the minute in UTC, 11 alphanumerics.

    The institution chooses `own_part`, and never twice the same within a minute.

    Raises:
        Refused: ID_INVALID; TIME_INVALID, TIME_RANGE for the instant.

    >>> make_end_to_end_id("00038166", 1795435200000000, "0123456789a")
    'E000381662026112312000123456789a'
    """
    check_instant(initiated_at, field="initiated_at")
    return _dated_id("E", ispb, initiated_at, own_part)


def make_return_id(ispb: str, returned_at: int, own_part: str) -> str:
    """The id of a return: as `make_end_to_end_id`, with the ISPB of whoever gives back.

    Raises:
        Refused: ID_INVALID; TIME_INVALID, TIME_RANGE for the instant.
    """
    check_instant(returned_at, field="returned_at")
    return _dated_id("D", ispb, returned_at, own_part)


def _dated_id(letter: str, ispb: str, at: int, own_part: str) -> str:
    check_ispb(ispb, field="ispb")
    try:
        fits = _OWN_PART.fullmatch(own_part)
    except TypeError:
        fits = None
    if not fits:
        raise invalid(
            Code.ID_INVALID, field="own_part", expected="eleven alphanumerics", found=own_part
        )
    return f"{letter}{ispb}{_minute_digits(at // MINUTE)}{own_part}"


@lru_cache(maxsize=_MINUTES_MAX)
def _instant_of_minute(digits: str) -> int:
    instant = from_datetime(
        datetime(
            int(digits[:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            int(digits[10:12]),
            tzinfo=UTC,
        )
    )
    if not EARLIEST <= instant < LATEST:
        raise ValueError(digits)
    return instant


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

    Raises:
        Refused: TIME_INVALID, TIME_RANGE.
    """
    check_instant(occurred_at, field="occurred_at")
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
    try:
        fits = _ISPB.fullmatch(ispb)
    except TypeError:
        fits = None
    if not fits:
        raise invalid(
            Code.ID_INVALID, field=field, expected="eight characters of 0-9 and A-Z", found=ispb
        )
    return ispb


def check_message_id(message_id: str, *, field: str = "message_id") -> str:
    """The same id of a message, if it is `M`, an ISPB and 23 alphanumerics.

    Raises:
        Refused: ID_INVALID.
    """
    try:
        fits = _MESSAGE_ID.fullmatch(message_id)
    except TypeError:
        fits = None
    if not fits:
        raise invalid(
            Code.ID_INVALID,
            field=field,
            expected="M + ISPB (8) + 23 alphanumerics",
            found=message_id,
        )
    return message_id


def check_txid(txid: str, *, field: str = "txid") -> str:
    """The same id that a payee put into a code to know its payment again: 1 to 35 alphanumerics.

    Raises:
        Refused: ID_INVALID.
    """
    try:
        fits = _TXID.fullmatch(txid)
    except TypeError:
        fits = None
    if not fits:
        raise invalid(
            Code.ID_INVALID, field=field, expected="1 to 35 characters of a-z, A-Z, 0-9", found=txid
        )
    return txid


def length_prefixed(*parts: bytes) -> bytes:
    """The parts joined so that no two different lists of parts give the same bytes."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])

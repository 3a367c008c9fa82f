"""Instants: int64 microseconds since 1970 UTC, and Brasília's civil time (−03:00 on every date)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from crivo.domain.errors import Code, invalid

MICROSECOND: Final = 1
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: Brasília has kept −03:00 all year since 2019; Crivo uses it on every date (policy days, nights).
BRASILIA_OFFSET: Final = -3 * HOUR
BRASILIA: Final = timezone(timedelta(hours=-3), "Brasília")

#: Instants outside these years are refused at every door: they are faults, not transfers.
EARLIEST: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * SECOND
LATEST: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * SECOND


#: ISO 8601 knows more (weeks, days of the year, commas, no separators); RFC 3339 does not.
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6}0*)?Z", re.ASCII
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UNZONED: Final = datetime(1970, 1, 1)


def from_datetime(moment: datetime) -> int:
    """The instant of an aware `datetime`, exact to the microsecond (no float in between)."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def check_instant(instant: int, *, field: str) -> int:
    """The same instant, if it lies within 2000..2099.

    Raises:
        Refused: TIME_INVALID for what is no integer, TIME_RANGE for what lies outside.
    """
    if type(instant) is not int:
        raise invalid(
            Code.TIME_INVALID, field=field, expected="an integer of microseconds", found=instant
        )
    if not EARLIEST <= instant < LATEST:
        raise invalid(
            Code.TIME_RANGE, field=field, expected="an instant from 2000 to 2099", found=instant
        )
    return instant


def parse_rfc3339(text: str, *, field: str = "time") -> int:
    """The instant of an RFC 3339 time in UTC with `Z`: HTTP bodies carry nothing else.

    RFC 3339 sets no end to the decimals of a second. Instants have six: further ones may be zeros,
    and others are refused, since two times that differ must not become the same one unseen.

    Raises:
        Refused: TIME_INVALID, TIME_RANGE.

    >>> parse_rfc3339("2026-11-23T12:00:00.5Z")
    1795435200500000
    """
    instant = _parse(text, field)
    if not EARLIEST <= instant < LATEST:
        raise invalid(
            Code.TIME_RANGE, field=field, expected="an instant from 2000 to 2099", found=text
        )
    return instant


def parse_since(text: str, *, field: str) -> int:
    """The instant since which something is so, such as when an account was opened: what began
    before 2000 is taken to have begun with 2000, since no feature tells such ages apart.

    Raises:
        Refused: TIME_INVALID, TIME_RANGE.

    >>> format_rfc3339(parse_since("1987-05-04T00:00:00Z", field="account_opened_at"))
    '2000-01-01T00:00:00Z'
    """
    return check_instant(max(_parse(text, field), EARLIEST), field=field)


def _parse(text: str, field: str) -> int:
    try:
        if not _RFC3339.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(
            Code.TIME_INVALID,
            field=field,
            expected="RFC 3339 in UTC such as 2026-11-23T12:00:00Z, to the microsecond at most",
            found=text,
        ) from None
    return from_datetime(moment)


def parse_date(text: str, *, field: str) -> date:
    """The day that is written as RFC 3339 writes it.

    Raises:
        Refused: FIELD_VALUE.

    >>> parse_date("2026-08-03", field="start")
    datetime.date(2026, 8, 3)
    """
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field=field, expected="a date such as 2026-08-03", found=text
        ) from None


def format_rfc3339(instant: int) -> str:
    """RFC 3339 in UTC with `Z`, microseconds only where they are not zero.

    >>> format_rfc3339(1795435200500000)
    '2026-11-23T12:00:00.500000Z'
    """
    return (_EPOCH_UNZONED + timedelta(microseconds=instant)).isoformat() + "Z"


def brasilia_day(instant: int) -> int:
    """The Brasília calendar day as a number: whole days since 1970-01-01 in Brasília."""
    return (instant + BRASILIA_OFFSET) // DAY


def brasilia_hour(instant: int) -> int:
    """The hour of the day in Brasília, 0..23."""
    return (instant + BRASILIA_OFFSET) % DAY // HOUR


def brasilia_weekday(instant: int) -> int:
    """The weekday in Brasília, Monday = 0 .. Sunday = 6 (1970-01-01 was a Thursday)."""
    return (brasilia_day(instant) + 3) % 7

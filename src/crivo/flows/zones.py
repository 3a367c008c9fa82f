"""Zones and units of times, and instants that texts name in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from crivo.domain.instant import HOUR, MICROSECOND, SECOND, from_datetime

_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)


class TimeUnit(StrEnum):
    """What a numeric time counts."""

    HOURS = "hours"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"

    @property
    def microseconds(self) -> int:
        """The unit in microseconds."""
        match self:
            case TimeUnit.HOURS:
                return HOUR
            case TimeUnit.SECONDS:
                return SECOND
            case TimeUnit.MILLISECONDS:
                return SECOND // 1000
            case TimeUnit.MICROSECONDS:
                return MICROSECOND


def zone_of(name: str) -> tzinfo:
    """UTC, an offset such as -03:00, or a place such as America/Sao_Paulo.

    Raises:
        ZoneInfoNotFoundError, ValueError: it is none of these.
    """
    if name == "UTC":
        return UTC
    match = _OFFSET.fullmatch(name)
    if match is None:
        return ZoneInfo(name)
    sign = -1 if match[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3])))


def instant_in(text: str, zone: tzinfo) -> int:
    """The instant that an ISO 8601 text names, in a zone where it names none itself.

    Raises:
        ValueError: it is no such text.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return from_datetime(moment)

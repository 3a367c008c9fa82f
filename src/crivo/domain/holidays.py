"""Brazil's holidays of any year, computed: nothing is looked up, so no year is missing.

Sources: Law 662/1949 as amended by Law 10.607/2002 (national holidays), Law 6.802/1980 (12 October)
and Law 14.759/2023 (20 November, from 2024 on). Good Friday, and the days on which banks rest
without a national holiday (Monday and Tuesday of Carnival, Corpus Christi), follow from Easter.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

_FIXED: Final = ((1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25))
_CONSCIOUSNESS: Final = (11, 20)
_CONSCIOUSNESS_SINCE: Final = 2024
_GOOD_FRIDAY: Final = -2
#: Days from Easter on which banks are closed without a national holiday.
_BANKS_REST: Final = (-48, -47, 60)
_SATURDAY: Final = 5


def easter(year: int) -> dt.date:
    """Easter Sunday of a Gregorian year (the anonymous algorithm of 1876, in integers)."""
    century, place = divmod(year, 100)
    golden = year % 19
    leap, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - moon + 15) % 30
    weekday = (32 + 2 * rest + 2 * (place // 4) - epact - place % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


@lru_cache(maxsize=128)
def national_holidays(year: int) -> frozenset[dt.date]:
    """The national holidays of that year."""
    fixed = (*_FIXED, _CONSCIOUSNESS) if year >= _CONSCIOUSNESS_SINCE else _FIXED
    dates = {dt.date(year, month, day) for month, day in fixed}
    return frozenset(dates | {easter(year) + dt.timedelta(_GOOD_FRIDAY)})


@lru_cache(maxsize=128)
def bank_holidays(year: int) -> frozenset[dt.date]:
    """The days of that year on which banks rest, weekends apart."""
    moving = {easter(year) + dt.timedelta(days) for days in _BANKS_REST}
    return national_holidays(year) | moving


def is_holiday(date: dt.date) -> bool:
    """Whether that date is a national holiday or one of the banks'."""
    return date in bank_holidays(date.year)


def is_business_day(date: dt.date) -> bool:
    """Whether banks work on that date."""
    return date.weekday() < _SATURDAY and not is_holiday(date)


def business_day_of_month(date: dt.date) -> int:
    """Which business day of its month that date is, from 1; 0 where it is none."""
    if not is_business_day(date):
        return 0
    return sum(is_business_day(date.replace(day=day)) for day in range(1, date.day + 1))

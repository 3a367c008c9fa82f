"""When Brazil pays: shares by half-hour, weekday and day of the month, as integers.

Source: the regulator's open data (30-day mean of the intraday curve, August and September 2026;
125 days of daily counts with the trend removed). Hours are Brasília's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY, MINUTE
from crivo.simulator.draws import Draws, Int64s, cumulated

#: Thousandths of a percent of a day's transfers, from 00:00 by half-hours.
# fmt: off
HALF_HOURS: Final = (
    1103, 940, 771, 609, 490, 401, 352, 301, 305, 285, 359, 501, 802, 1085, 1423, 1668, 1928, 2198,
    2454, 2651, 2791, 2904, 3042, 3181, 3284, 3256, 3090, 2946, 2871, 2862, 2912, 2977, 3020, 3104,
    3236, 3328, 3425, 3431, 3302, 3127, 2927, 2776, 2595, 2346, 2076, 1804, 1521, 1238,
)
# fmt: on

#: Count factors in percent, Monday first.
WEEKDAYS: Final = (102, 100, 102, 101, 114, 106, 77)

#: Count factors in percent by day of the month, from the day named to the next.
_MONTH_DAYS: Final = {
    1: 106,
    5: 114,
    8: 108,
    11: 96,
    15: 100,
    16: 95,
    20: 104,
    21: 93,
    25: 93,
    29: 100,
}

_HALF_HOUR: Final = 30 * MINUTE
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Day:
    """A Brasília day of the world: its place, its midnight as an instant, and how much it holds."""

    index: int
    date: dt.date
    start: int
    transfers: int

    @property
    def end(self) -> int:
        """The next midnight."""
        return self.start + DAY

    @property
    def is_weekend(self) -> bool:
        """Saturday or Sunday."""
        return self.date.weekday() >= _SATURDAY

    @property
    def business_day(self) -> int:
        """Which business day of the month this is, from 1; 0 on weekends. Holidays count."""
        if self.is_weekend:
            return 0
        first = self.date.replace(day=1)
        dates = (first + dt.timedelta(days) for days in range(self.date.day))
        return sum(date.weekday() < _SATURDAY for date in dates)


def month_day_factor(day_of_month: int) -> int:
    """The count factor of that day of the month, in percent."""
    return _MONTH_DAYS[max(first for first in _MONTH_DAYS if first <= day_of_month)]


def share_out(total: int, weights: list[int]) -> list[int]:
    """Whole parts of the total in proportion to the weights; they sum to the total exactly."""
    whole = sum(weights)
    reached = 0
    parts = []
    for place in range(len(weights)):
        until = total * sum(weights[: place + 1]) // whole
        parts.append(until - reached)
        reached = until
    return parts


def calendar(start: dt.date, days: int, transfers: int) -> tuple[Day, ...]:
    """Days that together hold exactly so many transfers."""
    dates = [start + dt.timedelta(index) for index in range(days)]
    weights = [WEEKDAYS[date.weekday()] * month_day_factor(date.day) for date in dates]
    counts = share_out(transfers, weights) if days else []
    return tuple(
        Day(index, date, (date.toordinal() - _EPOCH) * DAY - BRASILIA_OFFSET, count)
        for index, (date, count) in enumerate(zip(dates, counts, strict=True))
    )


def instants(draws: Draws, count: int, day_start: int, hours: tuple[int, int] = (0, 24)) -> Int64s:
    """`count` instants of that day by the curve, within hours[0]:00 .. hours[1]:00; not sorted."""
    first, last = 2 * hours[0], 2 * hours[1]
    half_hours = first + draws.chosen(cumulated(HALF_HOURS[first:last]), count)
    return day_start + half_hours * _HALF_HOUR + draws.below(_HALF_HOUR, count)


def hours_of(occurred_at: Int64s) -> Int64s:
    """The Brasília hour of each instant, 0..23."""
    return np.asarray((occurred_at + BRASILIA_OFFSET) % DAY // (60 * MINUTE))

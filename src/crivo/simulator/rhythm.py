"""When Brazil pays: shares by half-hour, weekday, day of the month, month and holiday, as integers.

Source: the regulator's open data (30-day mean of the intraday curve, August and September 2026;
125 days of daily counts with the trend removed). Hours are Brasília's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.holidays import business_day_of_month, is_business_day, is_holiday
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

#: Count factors in percent, Monday first; and how much of its value the day holds.
WEEKDAYS: Final = (102, 100, 102, 101, 114, 106, 77)
WEEKDAY_VALUES: Final = (149, 122, 123, 117, 140, 39, 23)
#: A holiday against the same weekday, in percent, of count and of value.
HOLIDAY_COUNT: Final = 89
HOLIDAY_VALUE: Final = 28

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

#: Count factors in percent by the distance to the fifth business day, when salaries come.
SALARY_BUSINESS_DAY: Final = 5
_AROUND_SALARY: Final = {-1: 118, 0: 114, 1: 107}
_LAST_BUSINESS_DAY: Final = 111

#: Thousandths by month, January first: daily means of August 2025 to July 2026 without the trend.
MONTHS: Final = (946, 972, 976, 986, 1003, 1003, 992, 1004, 1005, 1019, 1024, 1073)
#: Thousandths by which a day grows in a year: the slope of the same series.
YEARLY_GROWTH: Final = 175

#: Percent of a day on which more is paid than its date says: the size is an assumption, that they
#: are the busiest of their months is not.
_BLACK_FRIDAY: Final = 109
_THIRTEENTH_SALARY: Final = 109
_MOTHERS_DAY_EVE: Final = 106

_HALF_HOUR: Final = 30 * MINUTE
HALF_HOURS_A_DAY: Final = len(HALF_HOURS)
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_SATURDAY: Final = 5
#: The place of a holiday after the seven weekdays, where days are told apart by their kind.
HOLIDAY: Final = 7


@dataclass(frozen=True, slots=True)
class Day:
    """A Brasília day of the world, or a shift of one: a stretch of it that memory can hold.

    `index` is the day's place in the world, `start` the instant at which it begins, and `transfers`
    is how many it holds. A shift is numbered from 0, begins and ends with a half-hour, and is what
    a day is wherever rows or events are made: only the first of a day begins at midnight.
    """

    index: int
    date: dt.date
    start: int
    transfers: int
    shift: int = 0
    half_hours: int = HALF_HOURS_A_DAY

    @property
    def end(self) -> int:
        """The instant at which it ends."""
        return self.start + self.half_hours * _HALF_HOUR

    @property
    def midnight(self) -> int:
        """The instant at which the date begins."""
        return (self.start + BRASILIA_OFFSET) // DAY * DAY - BRASILIA_OFFSET

    @property
    def first_half_hour(self) -> int:
        """The half-hour with which it begins, 0..47."""
        return (self.start - self.midnight) // _HALF_HOUR

    @property
    def is_last_shift(self) -> bool:
        """Whether the date ends with it."""
        return self.end == self.midnight + DAY

    @property
    def stream(self) -> tuple[int, ...]:
        """What names its randomness: the day's place, and the shift's from the second on."""
        return (self.index, self.shift) if self.shift else (self.index,)

    def shifts(self, counts: Int64s, most: int) -> tuple[Day, ...]:
        """The shifts of a whole day: as many half-hours each as hold at most so many transfers.

        `counts` has what each half-hour holds; one that holds more by itself is a shift.
        """
        found: list[Day] = []
        first, held = 0, int(counts[0])
        for half_hour, count in enumerate([*counts[1:].tolist(), most + 1], start=1):
            if held + count > most:
                start = self.start + first * _HALF_HOUR
                shift = Day(self.index, self.date, start, held, len(found), half_hour - first)
                found.append(shift)
                first, held = half_hour, 0
            held += count
        return tuple(found)

    @property
    def is_weekend(self) -> bool:
        """Saturday or Sunday."""
        return self.date.weekday() >= _SATURDAY

    @property
    def is_holiday(self) -> bool:
        """A national holiday, or one of the banks'."""
        return is_holiday(self.date)

    @property
    def kind(self) -> int:
        """0 (Monday) to 6, or HOLIDAY where people who would work rest."""
        return HOLIDAY if self.is_holiday and not self.is_weekend else self.date.weekday()

    @property
    def business_day(self) -> int:
        """Which business day of the month this is, from 1; 0 on weekends and holidays."""
        return business_day_of_month(self.date)


def month_day_factor(day_of_month: int) -> int:
    """The count factor of that day of the month, in percent."""
    return _MONTH_DAYS[max(first for first in _MONTH_DAYS if first <= day_of_month)]


def date_factor(date: dt.date) -> int:
    """The count factor of a date by its place in the month, in percent.

    Around the fifth business day salaries decide, on the month's last business day its end;
    on other days their number.
    """
    business_day = business_day_of_month(date)
    around = _AROUND_SALARY.get(business_day - SALARY_BUSINESS_DAY) if business_day else None
    if around is not None:
        return around
    following = date + dt.timedelta(1)
    while following.month == date.month and not is_business_day(following):
        following += dt.timedelta(1)
    if business_day and following.month != date.month:
        return _LAST_BUSINESS_DAY
    return month_day_factor(date.day)


def occasion_factor(date: dt.date) -> int:
    """The count factor of a special day, in percent; 100 on all others."""
    if date.month == 11 and date.weekday() == 4 and 23 <= date.day <= 29:
        return _BLACK_FRIDAY
    if (date.month, date.day) in ((11, 30), (12, 20)):
        return _THIRTEENTH_SALARY
    if date.month == 5 and date.weekday() == _SATURDAY and 7 <= date.day <= 13:
        return _MOTHERS_DAY_EVE
    return 100


def day_weight(date: dt.date, start: dt.date) -> int:
    """How much that date holds in proportion to others of a world that begins at `start`."""
    grown = 1000 * 365 + YEARLY_GROWTH * (date - start).days
    rests = HOLIDAY_COUNT if is_holiday(date) else 100
    weight = WEEKDAYS[date.weekday()] * date_factor(date) * MONTHS[date.month - 1]
    return weight * occasion_factor(date) * rests * grown // 10_000


def share_out(total: int, weights: list[int]) -> list[int]:
    """Whole parts of the total in proportion to the weights; they sum to the total exactly."""
    whole = sum(weights)
    reached = 0
    seen = 0
    parts = []
    for weight in weights:
        seen += weight
        until = total * seen // whole
        parts.append(until - reached)
        reached = until
    return parts


def calendar(start: dt.date, days: int, transfers: int) -> tuple[Day, ...]:
    """Days that together hold exactly so many transfers."""
    dates = [start + dt.timedelta(index) for index in range(days)]
    weights = [day_weight(date, start) for date in dates]
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


def instants_during(draws: Draws, count: int, day: Day) -> Int64s:
    """`count` instants of that day or shift by the curve; not sorted."""
    weights = curve_during(day)
    return (
        day.start
        + draws.chosen(cumulated(weights), count) * _HALF_HOUR
        + draws.below(_HALF_HOUR, count)
    )


def curve_during(day: Day) -> tuple[int, ...]:
    """The curve's part of each half-hour of the day or shift."""
    first = day.first_half_hour
    return tuple(HALF_HOURS[place] for place in range(first, first + day.half_hours))


def half_hours_during(day: Day) -> slice:
    """Which half-hours of the date the day or shift has."""
    return slice(day.first_half_hour, day.first_half_hour + day.half_hours)


def hours_of(occurred_at: Int64s) -> Int64s:
    """The Brasília hour of each instant, 0..23."""
    return np.asarray((occurred_at + BRASILIA_OFFSET) % DAY // (60 * MINUTE))


def instants_in(draws: Draws, half_hours: Int64s, day_start: int) -> Int64s:
    """One instant within each of those half-hours (0..47) of the day that begins at `day_start`."""
    return day_start + half_hours * _HALF_HOUR + draws.below(_HALF_HOUR, len(half_hours))


def half_hours_of(occurred_at: Int64s) -> Int64s:
    """The Brasília half-hour of each instant, 0..47."""
    return np.asarray((occurred_at + BRASILIA_OFFSET) % DAY // _HALF_HOUR)

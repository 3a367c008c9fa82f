"""Takes the days of a world apart: weekday, place in the month, month, each as a factor.

Daily counts (or values) are fitted as a product by least squares of logarithms; holidays and the
year's special days are left out, as they are in the official factors.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.holidays import business_day_of_month, is_business_day, is_holiday
from crivo.simulator.acceptance.accepted import Sums
from crivo.simulator.acceptance.tally import DayTotal

#: Where the official factors begin a new group of days of the month.
_GROUPS: Final = (1, 5, 8, 11, 15, 16, 20, 21, 25, 29)
SALARY: Final = "salary day"
_LAST: Final = "last business day"
#: Days beyond what the fit needs, below which it says nothing.
_SPARE_DAYS: Final = 5
#: What is lacking where nothing is fitted.
TOO_FEW_DAYS: Final = "too few days to take weekdays and places in the month apart"
NO_WHOLE_MONTH: Final = "no whole month with its salary day"


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors with standard errors; `weekdays` have the mean of the official ones as theirs."""

    weekdays: list[tuple[float, float]]
    salary_lift: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class DayFigure:
    """What of a day is looked at, and its relative variance over seeds."""

    value: Callable[[DayTotal], int]
    variance: Callable[[DayTotal], float]


#: Counts as if transfers came independently: days are planned, and vary less than that.
COUNTS: Final = DayFigure(lambda day: day.count, lambda day: 1 / day.count)


def values(variances: Sums) -> DayFigure:
    """The value of days, given by weekday its variance for a day of one transfer."""
    return DayFigure(
        lambda day: day.centavos, lambda day: float(variances[day.date.weekday()]) / day.count
    )


def day_factors(days: list[DayTotal], figure: DayFigure, weekday_mean: float) -> Factors | None:
    """The factors of those days, or None where there are too few of them.

    Standard errors are those of the days' figures, carried through the fit. (What the fit leaves
    over says little: a month has a dozen days more than there are factors.)
    """
    usual = [day for day in days if not _is_special(day.date) and figure.value(day) > 0]
    names = [_names(day.date) for day in usual]
    columns = sorted({name for of_day in names for name in of_day})
    if {f"weekday {place}" for place in range(7)} - set(columns):
        return None
    if len(usual) < len(columns) + _SPARE_DAYS:
        return None
    design = np.asarray([[column in of_day for column in columns] for of_day in names], float)
    logs = np.log([figure.value(day) for day in usual])
    inverse = np.linalg.pinv(design.T @ design)
    solver = inverse @ design.T
    fitted = solver @ logs
    variances = np.asarray([figure.variance(day) for day in usual])

    def contrast(weights: dict[str, float]) -> tuple[float, float]:
        vector = np.asarray([weights.get(column, 0.0) for column in columns])
        level = float(np.exp(vector @ fitted))
        return level, level * float(np.sqrt((vector @ solver) ** 2 @ variances))

    whole = [contrast(_against_mean(place)) for place in range(7)]
    scale = weekday_mean * 7 / sum(level for level, _ in whole)
    weekdays = [(level * scale, error * scale) for level, error in whole]
    return Factors(weekdays, _salary_lift(usual, names, contrast))


def _salary_lift(
    usual: list[DayTotal],
    names: list[tuple[str, ...]],
    contrast: Callable[[dict[str, float]], tuple[float, float]],
) -> tuple[float, float] | None:
    """The salary day against all days of the months that have one, weekdays apart."""
    paid = {
        (day.date.year, day.date.month)
        for day, of_day in zip(usual, names, strict=True)
        if SALARY in of_day
    }
    whole = [
        of_day
        for day, of_day in zip(usual, names, strict=True)
        if (day.date.year, day.date.month) in paid
    ]
    if not paid or len(whole) < 28 * len(paid) - 4:
        return None
    weights: dict[str, float] = {SALARY: 1.0}
    for of_day in whole:
        group = of_day[1]
        weights[group] = weights.get(group, 0.0) - 1 / len(whole)
    return contrast(weights)


def _against_mean(place: int) -> dict[str, float]:
    weights = {f"weekday {other}": -1 / 7 for other in range(7)}
    weights[f"weekday {place}"] += 1.0
    return weights


def _names(date: dt.date) -> tuple[str, ...]:
    month = f"month {date.year}-{date.month:02d}"
    return f"weekday {date.weekday()}", _group(date), month


def _group(date: dt.date) -> str:
    business_day = business_day_of_month(date)
    if business_day in (4, 5, 6):
        return SALARY if business_day == 5 else f"business day {business_day}"
    following = date + dt.timedelta(1)
    while following.month == date.month and not is_business_day(following):
        following += dt.timedelta(1)
    if business_day and following.month != date.month:
        return _LAST
    return f"day {max(first for first in _GROUPS if first <= date.day)}"


def _is_special(date: dt.date) -> bool:
    """Holidays, and the days around which the year's peaks lie."""
    around_black_friday = date.month == 11 and date.day >= 23
    second_instalment = date.month == 12 and 19 <= date.day <= 21
    mothers_day = date.month == 5 and 7 <= date.day <= 14 and date.weekday() >= 5
    return is_holiday(date) or around_black_friday or second_instalment or mothers_day

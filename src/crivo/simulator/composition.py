"""Who pays whom at each hour of each kind of day, and how much money goes with it: integers.

Official are the nature mix with its mean tickets (June 2026), the share of count and of value by
hour (30 days of August and September 2026) and by weekday (125 days of 2026). Assumed is how much
less persons pay at night and on Sundays, and when businesses pay persons. What companies pay each
other is then no assumption: it is the value that the official curves hold and the others leave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from crivo.simulator.draws import Int64s
from crivo.simulator.natures import NATURES, Nature, place_of
from crivo.simulator.rhythm import (
    HALF_HOURS,
    HOLIDAY,
    HOLIDAY_COUNT,
    HOLIDAY_VALUE,
    WEEKDAY_VALUES,
    WEEKDAYS,
)

#: Of 100,000 transfers, those of each nature; and their mean ticket in centavos.
NATURE_MIX: Final = {
    Nature.P2P: (39_780, 26_741),
    Nature.P2B: (46_040, 11_058),
    Nature.P2G: (250, 36_662),
    Nature.B2P: (9_570, 52_244),
    Nature.B2B: (4_110, 539_215),
    Nature.B2G: (120, 198_665),
    Nature.G2P: (120, 157_019),
    Nature.G2B: (4, 3_162_100),
    Nature.G2G: (1, 4_885_200),
}
#: Hundredths of a percent of a day's value, by Brasília hour.
# fmt: off
VALUE_BY_HOUR: Final = (
    60, 45, 23, 69, 60, 40, 145, 295, 409, 703, 757, 828, 690, 642, 798, 979, 981, 896, 592, 436,
    210, 154, 114, 75,
)
#: Assumed, in percent: what a person pays at an hour, on a day, against the mean of persons.
_PERSON_BY_HOUR: Final = (
    54, 55, 46, 46, 46, 60, 80, 95, 100, 108, 110, 110, 108, 108, 110, 112, 112, 112, 110, 100,
    72, 61, 57, 52,
)
_PERSON_BY_DAY: Final = (112, 110, 110, 108, 112, 71, 57, 73)
#: Assumed: how often businesses pay persons (payouts run at night too), and how much each time.
_PAYOUTS_BY_HOUR: Final = (
    45, 45, 45, 60, 60, 60, 80, 100, 120, 130, 130, 120, 105, 110, 125, 130, 130, 120, 95, 80,
    65, 60, 55, 50,
)
_PAYOUTS_BY_DAY: Final = (118, 114, 114, 112, 118, 60, 40, 60)
_PAYOUT_BY_HOUR: Final = (
    40, 40, 40, 60, 60, 60, 80, 95, 110, 120, 120, 115, 105, 110, 120, 120, 120, 115, 90, 75,
    55, 50, 45, 40,
)
_PAYOUT_BY_DAY: Final = (112, 108, 108, 104, 112, 60, 50, 60)
#: Assumed: public offices pay and are paid on working days by day.
_OFFICE_BY_HOUR: Final = (0,) * 6 + (20, 60, 110, 150, 170, 160, 130, 140, 160, 160, 140, 100, 40,
    20) + (0,) * 4
_OFFICE_BY_DAY: Final = (115, 112, 112, 112, 112, 10, 5, 10)
# fmt: on

HOURS: Final = 24
KINDS: Final = 8
#: Shares are whole parts of this; levels of amounts are thousandths.
PARTS: Final = 10_000_000
LEVEL_UNIT: Final = 1000

_FINE: Final = 10**12
_ROUNDS: Final = 8
_MIX_WHOLE: Final = sum(count for count, _ in NATURE_MIX.values())
_OFFICES: Final = (Nature.P2G, Nature.B2G, Nature.G2P, Nature.G2B, Nature.G2G)

#: A figure for each kind of day and hour.
_Grid = list[list[int]]
_Figure = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Composition:
    """Arrays [kind of day, hour, nature]: parts of the transfers, and levels of the amounts."""

    shares: Int64s
    levels: Int64s

    def cells(self, kind: int) -> Int64s:
        """[nature, half-hour]: in what proportion a day of that kind holds them."""
        curve = np.asarray(HALF_HOURS, dtype=np.int64)
        return np.asarray((curve[:, None] * np.repeat(self.shares[kind], 2, axis=0)).T)

    def half_hour_levels(self, kind: int) -> Int64s:
        """[nature, half-hour]: the level of amounts in thousandths."""
        return np.asarray(np.repeat(self.levels[kind], 2, axis=0).T)


@lru_cache(maxsize=1)
def composition() -> Composition:
    """The composition that meets the official margins of count and value together."""
    share = {nature: _FINE * count // _MIX_WHOLE for nature, (count, _) in NATURE_MIX.items()}
    payouts = _normalised(_product(_PAYOUTS_BY_DAY, _PAYOUTS_BY_HOUR), _even(), share[Nature.B2P])
    offices = _normalised(_product(_OFFICE_BY_DAY, _OFFICE_BY_HOUR), _even(), _FINE)
    of_offices = sum(share[nature] for nature in _OFFICES)
    payout_levels = _normalised(_product(_PAYOUT_BY_DAY, _PAYOUT_BY_HOUR), payouts, _FINE)
    companies = _grid(lambda _kind, _hour: share[Nature.B2B])
    persons = person_levels = payouts
    for _ in range(_ROUNDS):
        persons = _persons(payouts, companies, offices, of_offices)
        person_levels = _normalised(_product(_PERSON_BY_DAY, _PERSON_BY_HOUR), persons, _FINE)
        companies = _companies(persons, person_levels, payouts, payout_levels, offices)
    return _composed(share, persons, person_levels, payouts, payout_levels, companies, offices)


def _persons(payouts: _Grid, companies: _Grid, offices: _Grid, of_offices: int) -> _Grid:
    """What is left of the count for persons who pay shops and persons."""
    return _grid(
        lambda kind, hour: (
            _FINE
            - payouts[kind][hour]
            - companies[kind][hour]
            - of_offices * offices[kind][hour] // _FINE
        )
    )


def _companies(
    persons: _Grid, person_levels: _Grid, payouts: _Grid, payout_levels: _Grid, offices: _Grid
) -> _Grid:
    """What companies pay each other: the value left in each hour and day, as a share of count."""
    by_persons = _mean((Nature.P2P, Nature.P2B))
    by_offices = sum(NATURE_MIX[nature][0] * NATURE_MIX[nature][1] for nature in _OFFICES)
    money = _grid(
        lambda kind, hour: (
            persons[kind][hour] * by_persons // _FINE * person_levels[kind][hour] // _FINE
            + payouts[kind][hour]
            * _mean((Nature.B2P,))
            // _FINE
            * payout_levels[kind][hour]
            // _FINE
            + offices[kind][hour] * by_offices * 1000 // _MIX_WHOLE // _FINE
        )
    )
    mean = sum(count * ticket for count, ticket in NATURE_MIX.values()) * 1000 // _MIX_WHOLE
    of_day = [_day_mean(mean, kind) - _over_hours(money[kind]) for kind in range(KINDS)]
    of_hour = []
    for hour in range(HOURS):
        official = mean * VALUE_BY_HOUR[hour] * sum(_COUNT) // (sum(VALUE_BY_HOUR) * _COUNT[hour])
        of_hour.append(official - _over_days([money[kind][hour] for kind in range(KINDS)]))
    assert min(*of_day, *of_hour) > 0
    whole = _over_hours(of_hour)
    return _grid(
        lambda kind, hour: (
            of_day[kind] * of_hour[hour] // whole * _FINE // (NATURE_MIX[Nature.B2B][1] * 1000)
        )
    )


def _composed(
    share: dict[Nature, int],
    persons: _Grid,
    person_levels: _Grid,
    payouts: _Grid,
    payout_levels: _Grid,
    companies: _Grid,
    offices: _Grid,
) -> Composition:
    shares = np.zeros((KINDS, HOURS, len(NATURES)), dtype=np.int64)
    levels = np.full((KINDS, HOURS, len(NATURES)), LEVEL_UNIT, dtype=np.int64)
    by_persons = share[Nature.P2P] + share[Nature.P2B]
    for kind in range(KINDS):
        for hour in range(HOURS):
            found = {
                Nature.P2P: persons[kind][hour] * share[Nature.P2P] // by_persons,
                Nature.P2B: persons[kind][hour] * share[Nature.P2B] // by_persons,
                Nature.B2P: payouts[kind][hour],
                Nature.B2B: companies[kind][hour],
            }
            for nature in _OFFICES:
                found[nature] = share[nature] * offices[kind][hour] // _FINE
            for nature, part in found.items():
                shares[kind, hour, place_of(nature)] = part * PARTS // _FINE
            for nature in (Nature.P2P, Nature.P2B):
                level = person_levels[kind][hour] * LEVEL_UNIT // _FINE
                levels[kind, hour, place_of(nature)] = level
            level = payout_levels[kind][hour] * LEVEL_UNIT // _FINE
            levels[kind, hour, place_of(Nature.B2P)] = level
    return Composition(shares, levels)


#: The official curve of count by hour.
_COUNT: Final = tuple(HALF_HOURS[2 * hour] + HALF_HOURS[2 * hour + 1] for hour in range(HOURS))


def _grid(figure: _Figure) -> _Grid:
    return [[figure(kind, hour) for hour in range(HOURS)] for kind in range(KINDS)]


def _even() -> _Grid:
    return _grid(lambda _kind, _hour: _FINE)


def _product(by_day: tuple[int, ...], by_hour: tuple[int, ...]) -> _Grid:
    return _grid(lambda kind, hour: by_day[kind] * by_hour[hour])


def _normalised(shape: _Grid, weights: _Grid, mean: int) -> _Grid:
    """The shape times a factor, so that its mean over a week by count and those weights is that."""
    found = sum_of = 0
    for kind in range(HOLIDAY):
        for hour in range(HOURS):
            weight = WEEKDAYS[kind] * _COUNT[hour] * weights[kind][hour]
            found += weight * shape[kind][hour]
            sum_of += weight
    return _grid(lambda kind, hour: shape[kind][hour] * mean * sum_of // found)


def _over_hours(figures: list[int]) -> int:
    """The mean over a day's hours by count."""
    pairs = zip(figures, _COUNT, strict=True)
    return sum(figure * count for figure, count in pairs) // sum(_COUNT)


def _over_days(figures: list[int]) -> int:
    """The mean over a week's days by count; holidays are not in it."""
    pairs = zip(figures[:HOLIDAY], WEEKDAYS, strict=True)
    return sum(figure * count for figure, count in pairs) // sum(WEEKDAYS)


def _day_mean(mean: int, kind: int) -> int:
    """The mean ticket of a kind of day; a holiday is measured against Tuesday to Thursday."""
    if kind == HOLIDAY:
        midweek = sum(_day_mean(mean, kind) for kind in (1, 2, 3)) // 3
        return midweek * HOLIDAY_VALUE // HOLIDAY_COUNT
    value = mean * WEEKDAY_VALUES[kind] * sum(WEEKDAYS)
    return value // (sum(WEEKDAY_VALUES) * WEEKDAYS[kind])


def _mean(natures: tuple[Nature, ...]) -> int:
    """The mean ticket of some natures together, in thousandths of a centavo."""
    pairs = [NATURE_MIX[nature] for nature in natures]
    return sum(count * ticket for count, ticket in pairs) * 1000 // sum(count for count, _ in pairs)

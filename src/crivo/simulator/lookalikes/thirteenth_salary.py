"""The thirteenth salary: on two days of the year money arrives for many, and is spent at once."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows

_PER_MILLE: Final = 40
#: By law: the first part until 30 November, the second until 20 December.
_DATES: Final = ((11, 30), (12, 20))
_PART: Final = (110_000, 45)
_SPENT_PER_MILLE: Final = 600
_SPENT_PERCENT: Final = (40, 96)
_MIX: Final = {Initiation.DICT: 550, Initiation.MANU: 450}


def _prepare(town: Town, draws: Draws) -> OfDay:
    paid = np.flatnonzero(draws.chance(_PER_MILLE, town.census.persons)).astype(np.int64)
    employers = town.businesses(draws, len(paid))
    parts = scaled(drawn(draws, lognormal(*_PART), len(paid)), town.person_levels[paid])
    parts = np.maximum(parts, 1000)

    def of_day(day: Day, draws: Draws) -> Rows:
        if (day.date.month, day.date.day) not in _DATES:
            return no_rows()
        count = len(paid)
        arrived = instants(draws, count, day.start, (6, 15))
        salaries = make_rows(arrived, parts, employers, paid)
        salaries["initiation"] = draw_initiations(draws, count, _MIX)
        spent = make_rows(
            arrived + draws.spans(3 * MINUTE, 5 * HOUR, count),
            parts * draws.between(*_SPENT_PERCENT, count) // 100,
            paid,
            town.outsiders(draws, count),
        )
        return np.concatenate([salaries, spent[draws.chance(_SPENT_PER_MILLE, count)]])

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="thirteenth_salary",
    resembles=("T06", "T14"),
    meaning="A large credit, most of which leaves within hours to somebody who is rarely paid.",
    prepare=_prepare,
    season=dt.date(2026, 11, 30),
)

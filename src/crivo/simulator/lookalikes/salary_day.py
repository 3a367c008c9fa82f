"""Salary day: a business pays many, and some of them sweep most of it to their other account."""

from __future__ import annotations

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

_PER_MILLE: Final = 90
_SALARY: Final = (210_000, 45)
_PAYDAY: Final = 5  # the fifth business day
_ADVANCE_DATE: Final = 20
_SWEEP_PER_MILLE: Final = 700
_MIX: Final = {Initiation.DICT: 550, Initiation.MANU: 450}


def _prepare(town: Town, draws: Draws) -> OfDay:
    paid = np.flatnonzero(draws.chance(_PER_MILLE, town.census.persons)).astype(np.int64)
    employers = town.businesses(draws, len(paid))
    salaries = scaled(drawn(draws, lognormal(*_SALARY), len(paid)), town.person_levels[paid])
    other = town.second_accounts(paid)

    def of_day(day: Day, draws: Draws) -> Rows:
        if day.business_day != _PAYDAY and day.date.day != _ADVANCE_DATE:
            return no_rows()
        part = 100 if day.business_day == _PAYDAY else 40
        arrived = instants(draws, len(paid), day.start, (6, 14))
        amounts = np.maximum(salaries * part // 100, 100)
        rows = make_rows(arrived, amounts, employers, paid)
        rows["initiation"] = draw_initiations(draws, len(paid), _MIX)
        sweeps = (other >= 0) & draws.chance(_SWEEP_PER_MILLE, len(paid))
        after = draws.spans(2 * MINUTE, 5 * HOUR, len(paid))
        kept = draws.between(60, 98, len(paid))
        swept = np.maximum(amounts * kept // 100, 100)
        moved = make_rows((arrived + after)[sweeps], swept[sweeps], paid[sweeps], other[sweeps])
        return np.concatenate([rows, moved])

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="salary_day",
    resembles=("T06", "T14"),
    meaning="Money arrives and most of it leaves within hours, to an account of the same person.",
    prepare=_prepare,
)

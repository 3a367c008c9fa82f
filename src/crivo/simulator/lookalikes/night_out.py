"""A night out: bar, ride, pharmacy, fuel; several payments within two hours, many to new payees."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_PER_MILLE_OF_DAY: Final = 4
_WEEKEND_TIMES: Final = 2
_PAYMENTS: Final = (2, 6)
_AMOUNT: Final = (8000, 100)
_MIX: Final = {
    Initiation.QRDN: 450,
    Initiation.QRES: 150,
    Initiation.DICT: 370,
    Initiation.MANU: 30,
}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    def of_day(day: Day, draws: Draws) -> Rows:
        people = 1 + day.transfers * _PER_MILLE_OF_DAY // 1000
        people *= _WEEKEND_TIMES if day.is_weekend else 1
        revellers = town.persons(draws, people, period=0)
        begins = np.where(
            draws.chance(600, people),
            draws.spans(0, 4 * HOUR, people),
            draws.spans(20 * HOUR, 23 * HOUR, people),
        )
        times = draws.between(*_PAYMENTS, people)
        who = np.repeat(np.arange(people, dtype=np.int64), times)
        count = len(who)
        occurred_at = day.start + begins[who] + draws.spans(0, 100 * MINUTE, count)
        payers = revellers[who]
        payees = np.where(
            draws.chance(550, count),
            town.shops(draws, count),
            town.newcomers(draws, count, day),
        )
        amounts = scaled(drawn(draws, lognormal(*_AMOUNT), count), town.person_levels[payers])
        amounts = np.maximum(rounded(draws, amounts, 450), 300)
        rows = make_rows(occurred_at, amounts, payers, payees)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="night_out",
    resembles=("T06",),
    meaning="Several quick payments at odd hours to payees that the payer never paid before.",
    prepare=_prepare,
)

"""A marketplace seller: at the end of the day the balance goes to the owner's other account."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import INITIATIONS, Rows, make_rows

_PERCENT_OF_BUSINESSES: Final = 8
_BALANCE: Final = (42_000, 75)
_BALANCE_MIN: Final = 500
_SWEEP_PER_MILLE: Final = 800
_HOURS: Final = (18 * HOUR, 23 * HOUR)


def _prepare(town: Town, draws: Draws) -> OfDay:
    size = town.census
    count = max(1, size.businesses * _PERCENT_OF_BUSINESSES // 100)
    sellers = draws.shuffled(np.arange(size.businesses, dtype=np.int64))[:count]
    own = town.outsiders(draws, count)

    def of_day(day: Day, draws: Draws) -> Rows:
        sweeping = np.flatnonzero(draws.chance(_SWEEP_PER_MILLE, count))
        mine = sellers[sweeping]
        balances = drawn(draws, lognormal(*_BALANCE), len(mine))
        balances = np.maximum(scaled(balances, town.business_levels[mine]), _BALANCE_MIN)
        at = day.start + draws.spans(*_HOURS, len(mine))
        rows = make_rows(at, balances, size.first_business + mine, own[sweeping])
        rows["initiation"] = INITIATIONS.index(Initiation.DICT)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="seller_sweep",
    resembles=("T01", "T14"),
    meaning="Money of many payers comes by day, and leaves in one payment each evening.",
    prepare=_prepare,
)

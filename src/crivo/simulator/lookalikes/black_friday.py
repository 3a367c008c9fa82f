"""Black Friday: everybody buys from shops they never paid, dearer than usual, until late."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, priced, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import INITIATIONS, Rows, make_rows, no_rows

_PER_MILLE_OF_DAY: Final = 60
_NEW_SHOP_PER_MILLE: Final = 350
_PRICE: Final = (21_000, 85)
_PRICE_MIN: Final = 2000
_FRIDAY: Final = 4


def is_black_friday(date: dt.date) -> bool:
    """The day after the fourth Thursday of November."""
    return date.month == 11 and date.weekday() == _FRIDAY and 23 <= date.day <= 29


def _prepare(town: Town, _draws: Draws) -> OfDay:
    def of_day(day: Day, draws: Draws) -> Rows:
        if not is_black_friday(day.date):
            return no_rows()
        count = 1 + day.transfers * _PER_MILLE_OF_DAY // 1000
        payers = town.persons(draws, count, period=2)
        payees = np.where(
            draws.chance(_NEW_SHOP_PER_MILLE, count),
            town.new_shops(draws, count, day),
            town.shops_anywhere(draws, count),
        )
        prices = scaled(drawn(draws, lognormal(*_PRICE), count), town.person_levels[payers])
        rows = make_rows(
            instants(draws, count, day.start, (7, 24)),
            priced(draws, np.maximum(prices, _PRICE_MIN)),
            payers,
            payees,
        )
        rows["initiation"] = INITIATIONS.index(Initiation.QRDN)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="black_friday",
    resembles=("T01", "T08"),
    meaning="For one day, dear purchases from shops that the payer never paid, many of them new.",
    prepare=_prepare,
    season=dt.date(2026, 11, 27),
)

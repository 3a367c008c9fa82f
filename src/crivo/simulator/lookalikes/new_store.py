"""A new little shop: an account nobody knew yesterday is paid by many who never paid it before."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, levels, lognormal, priced
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows

_OPENING_DAYS: Final = 10
_VISITS_A_DAY: Final = 5
_PRICES: Final = (9000, 80)
_GOODS: Final = 4
_SHOPPING_HOURS: Final = (8, 23)
_MIX: Final = {Initiation.QRDN: 380, Initiation.QRES: 300, Initiation.DICT: 320}


def _prepare(town: Town, draws: Draws) -> OfDay:
    size = town.census
    shops_a_day = max(1, size.newcomers_a_day // 20)
    shops = shops_a_day * size.days
    visits = levels(draws, 80, shops) * _VISITS_A_DAY // 1000
    goods = priced(draws, drawn(draws, lognormal(*_PRICES), shops * _GOODS))
    goods = goods.reshape(shops, _GOODS)

    def of_day(day: Day, draws: Draws) -> Rows:
        first = max(0, day.index - _OPENING_DAYS + 1)
        opened = np.arange(first * shops_a_day, (day.index + 1) * shops_a_day)
        visited: Int64s = np.repeat(opened, visits[opened])
        if len(visited) == 0:
            return no_rows()
        count = len(visited)
        accounts = (
            size.first_newcomer
            + visited // shops_a_day * size.newcomers_a_day
            + visited % shops_a_day
        )
        bought = draws.below(_GOODS, count)
        payers = town.persons(draws, count, period=2)
        occurred_at = instants(draws, count, day.start, _SHOPPING_HOURS)
        rows = make_rows(occurred_at, goods[visited, bought], payers, accounts)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="new_store",
    resembles=("T01",),
    meaning="A new payee with a burst of unrelated payers and few prices: an honest opening.",
    prepare=_prepare,
)

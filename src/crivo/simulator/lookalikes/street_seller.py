"""A street seller: one account, paid by hundreds of strangers, by the same printed code."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import levels
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows

_PERSONS_A_SELLER: Final = 700
_SALES_A_DAY: Final = 6
_WORKS_PER_MILLE: Final = 700
_PRICES_CENTAVOS: Final = (300, 500, 700, 1000, 1200, 1500, 2000, 2500)
_MIX: Final = {Initiation.QRES: 800, Initiation.DICT: 200}


def _prepare(town: Town, draws: Draws) -> OfDay:
    count = max(1, town.census.persons // _PERSONS_A_SELLER)
    sellers = draws.below(town.census.persons, count)
    sales = np.maximum(levels(draws, 60, count) * _SALES_A_DAY // 1000, 1)
    prices = np.asarray(_PRICES_CENTAVOS, dtype=np.int64)

    def of_day(day: Day, draws: Draws) -> Rows:
        open_today = sales * draws.chance(_WORKS_PER_MILLE, count)
        sold: Int64s = np.repeat(sellers, open_today)
        if len(sold) == 0:
            return no_rows()
        buyers = town.persons(draws, len(sold))
        others = buyers != sold
        sold, buyers = sold[others], buyers[others]
        occurred_at = instants(draws, len(sold), day.start, (9, 22))
        amounts = prices[draws.below(len(prices), len(sold))] * draws.between(1, 4, len(sold))
        rows = make_rows(occurred_at, amounts, buyers, sold)
        rows["initiation"] = draw_initiations(draws, len(sold), _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="street_seller",
    resembles=("T01", "T14", "T15"),
    meaning="A person's account that many unrelated people pay small sums, day after day.",
    prepare=_prepare,
)

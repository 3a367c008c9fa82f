"""A car, a plot of land, a deposit on a flat: once in years, and more than R$ 20,000."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_OF_MILLION: Final = 250
_AMOUNT: Final = (3_400_000, 40)
_AMOUNT_MIN: Final = 2_000_001
_MIX: Final = {Initiation.DICT: 550, Initiation.MANU: 450}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    def of_day(day: Day, draws: Draws) -> Rows:
        whole, rest = divmod(day.transfers * _OF_MILLION, 1_000_000)
        count = whole + (draws.one(0, 1_000_000) < rest)
        payers = draws.below(town.census.persons, count)
        amounts = drawn(draws, lognormal(*_AMOUNT), count) // 100_000 * 100_000
        occurred_at = instants(draws, count, day.start, (9, 18))
        sellers = town.outsiders(draws, count)
        rows = make_rows(occurred_at, np.maximum(amounts, _AMOUNT_MIN), payers, sellers)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="big_purchase",
    resembles=("T03", "T05"),
    meaning="One payment above R$ 20,000 to somebody never paid before.",
    prepare=_prepare,
)

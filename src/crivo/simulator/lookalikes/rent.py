"""Rent and school fees: a large payment, once a month, always to the same old payee."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, scaled
from crivo.simulator.draws import Draws, cumulated
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_PER_MILLE: Final = 150
#: How many pay on the 1st, 2nd, … of the month.
_DUE_DAYS: Final = (6, 3, 3, 3, 22, 9, 7, 6, 3, 24, 3, 3, 2, 2, 10)
_RENT: Final = (110_000, 45)
_MIX: Final = {Initiation.DICT: 620, Initiation.MANU: 330, Initiation.QRDN: 50}


def _prepare(town: Town, draws: Draws) -> OfDay:
    tenants = np.flatnonzero(draws.chance(_PER_MILLE, town.census.persons)).astype(np.int64)
    landlords = town.outsiders(draws, len(tenants))
    due = 1 + draws.chosen(cumulated(_DUE_DAYS), len(tenants))
    rents = drawn(draws, lognormal(*_RENT), len(tenants))
    rents = scaled(rents, town.person_levels[tenants]) // 1000 * 1000 + 1000

    def of_day(day: Day, draws: Draws) -> Rows:
        paying = due == day.date.day
        count = int(paying.sum())
        occurred_at = instants(draws, count, day.start, (7, 22))
        rows = make_rows(occurred_at, rents[paying], tenants[paying], landlords[paying])
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="rent",
    resembles=("T04", "T06"),
    meaning="A large monthly payment to a payee who has always been the same.",
    prepare=_prepare,
)

"""Delivery and rides: some payments within an hour or two, by codes made for that one payment."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, priced
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import INITIATIONS, Rows, make_rows

_PER_MILLE_OF_DAY: Final = 6
_PAYMENTS: Final = (2, 5)
_WITHIN: Final = 2 * HOUR
_APART: Final = 4 * MINUTE
_PLATFORMS: Final = 4
_NEW_PAYEE_PER_MILLE: Final = 250
_PRICE: Final = (2800, 55)


def _prepare(town: Town, draws: Draws) -> OfDay:
    platforms = town.shops(draws, _PLATFORMS)

    def of_day(day: Day, draws: Draws) -> Rows:
        people = 1 + day.transfers * _PER_MILLE_OF_DAY // 1000
        times = draws.between(*_PAYMENTS, people)
        who = np.repeat(np.arange(people, dtype=np.int64), times)
        count = len(who)
        begins = instants(draws, people, day.start, (11, 23))
        occurred_at = begins[who] + draws.spans(_APART, _WITHIN, count)
        payees = np.where(
            draws.chance(_NEW_PAYEE_PER_MILLE, count),
            town.shops(draws, count),
            platforms[draws.below(_PLATFORMS, count)],
        )
        amounts = priced(draws, np.maximum(drawn(draws, lognormal(*_PRICE), count), 500))
        rows = make_rows(occurred_at, amounts, town.persons(draws, people, period=2)[who], payees)
        rows["initiation"] = INITIATIONS.index(Initiation.QRDN)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="delivery",
    resembles=("T05", "T06", "T12"),
    meaning="Two to four small payments by code within two hours, some to payees never paid.",
    prepare=_prepare,
)

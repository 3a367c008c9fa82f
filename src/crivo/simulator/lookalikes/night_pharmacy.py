"""A pharmacy or a filling station at night: one payment at an odd hour, to somewhere unusual."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, priced
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_PER_MILLE_OF_DAY: Final = 2
_OPEN_AT_NIGHT: Final = 12
_PRICE: Final = (7500, 70)
_MIX: Final = {Initiation.QRDN: 850, Initiation.DICT: 150}


def _prepare(town: Town, draws: Draws) -> OfDay:
    places = town.shops_anywhere(draws, _OPEN_AT_NIGHT)

    def of_day(day: Day, draws: Draws) -> Rows:
        count = 1 + day.transfers * _PER_MILLE_OF_DAY // 1000
        payers = draws.below(town.census.persons, count)
        occurred_at = day.start + draws.spans(0, 5 * HOUR, count)
        amounts = priced(draws, np.maximum(drawn(draws, lognormal(*_PRICE), count), 800))
        payees = places[draws.below(_OPEN_AT_NIGHT, count)]
        rows = make_rows(occurred_at, amounts, payers, payees)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="night_pharmacy",
    resembles=("T06", "T11"),
    meaning="Somebody who never pays at night pays once after midnight, where they never paid.",
    prepare=_prepare,
)

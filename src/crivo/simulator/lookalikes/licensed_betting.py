"""Deposits with licensed betting houses: many players, small sums, evenings and weekends."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import INITIATIONS, Rows, make_rows

_PER_MILLE_OF_DAY: Final = 25
_WEEKEND_PERCENT: Final = 150
_HOUSES: Final = 3
_PLAYERS_PER_MILLE: Final = 150
#: The sector receives R$ 80 in the mean (official, 2026).
_DEPOSIT: Final = (4800, 100)
_DEPOSIT_MIN: Final = 500


def _prepare(town: Town, draws: Draws) -> OfDay:
    houses = town.shops_anywhere(draws, _HOUSES)
    some = np.flatnonzero(draws.chance(_PLAYERS_PER_MILLE, town.census.persons)).astype(np.int64)
    players = some if len(some) else np.zeros(1, dtype=np.int64)

    def of_day(day: Day, draws: Draws) -> Rows:
        count = 1 + day.transfers * _PER_MILLE_OF_DAY // 1000
        count = count * _WEEKEND_PERCENT // 100 if day.is_weekend else count
        who = players[draws.below(len(players), count)]
        payees = houses[draws.below(_HOUSES, count)]
        amounts = rounded(draws, drawn(draws, lognormal(*_DEPOSIT), count), 850)
        occurred_at = instants(draws, count, day.start, (16, 24))
        rows = make_rows(occurred_at, np.maximum(amounts, _DEPOSIT_MIN), who, payees)
        rows["initiation"] = INITIATIONS.index(Initiation.QRDN)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="licensed_betting",
    resembles=("T15",),
    meaning="Players pay small round sums to a licensed house, evening after evening.",
    prepare=_prepare,
)

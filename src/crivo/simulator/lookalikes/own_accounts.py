"""Money moved to the own account at another institution: round, often, at any hour."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_PER_MILLE_OF_PERSONS: Final = 8
_AMOUNT: Final = (22_000, 110)
_AMOUNT_MIN: Final = 1000
_MIX: Final = {Initiation.DICT: 780, Initiation.MANU: 200, Initiation.INIC: 20}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    def of_day(day: Day, draws: Draws) -> Rows:
        chosen = np.flatnonzero(draws.chance(_PER_MILLE_OF_PERSONS, town.census.persons))
        others = town.second_accounts(chosen.astype(np.int64))
        payers, payees = chosen[others >= 0], others[others >= 0]
        count = len(payers)
        amounts = scaled(drawn(draws, lognormal(*_AMOUNT), count), town.person_levels[payers])
        amounts = np.maximum(rounded(draws, amounts, 750), _AMOUNT_MIN)
        rows = make_rows(instants(draws, count, day.start), amounts, payers, payees)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="own_accounts",
    resembles=("T06", "T14"),
    meaning="A large round part of the balance goes to another institution: to the same person.",
    prepare=_prepare,
)

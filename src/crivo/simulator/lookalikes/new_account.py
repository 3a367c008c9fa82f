"""A new account that pays: somebody changed banks, and uses the new account from the first days."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

#: Of a day's transfers, thousandths that accounts of the last thirty days pay (an assumption).
_PER_MILLE_OF_TRANSFERS: Final = 6
_TO_SHOPS_PER_MILLE: Final = 550
_AMOUNT: Final = (9000, 120)
_AMOUNT_MIN: Final = 300
_MIX: Final = {Initiation.DICT: 560, Initiation.QRDN: 400, Initiation.MANU: 40}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    size = town.census

    def of_day(day: Day, draws: Draws) -> Rows:
        payers = town.new_people(draws, day.transfers * _PER_MILLE_OF_TRANSFERS // 1000, day)
        # Who stands in for accounts from before the world is only paid.
        payers = payers[payers >= size.first_newcomer]
        count = len(payers)
        payees = np.where(
            draws.chance(_TO_SHOPS_PER_MILLE, count),
            town.shops(draws, count),
            town.persons(draws, count),
        )
        amounts = np.maximum(
            rounded(draws, drawn(draws, lognormal(*_AMOUNT), count), 450), _AMOUNT_MIN
        )
        rows = make_rows(instants(draws, count, day.start), amounts, payers, payees)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="new_account",
    resembles=("T13", "T14"),
    meaning="An account some days old pays shops and people: its holder changed banks.",
    prepare=_prepare,
)

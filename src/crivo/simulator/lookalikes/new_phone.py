"""A new telephone: on the day it is bought, its owner tries it out with several payments."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_PAYMENTS: Final = (1, 5)
_WITHIN: Final = (2 * MINUTE, 4 * HOUR)
_TO_FRIENDS_PER_MILLE: Final = 650
_AMOUNT: Final = (9000, 100)
_AMOUNT_MIN: Final = 300
_MIX: Final = {Initiation.DICT: 600, Initiation.QRDN: 400}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    def of_day(day: Day, draws: Draws) -> Rows:
        owners = np.flatnonzero(town.new_phone_days == day.index).astype(np.int64)
        times = draws.between(*_PAYMENTS, len(owners))
        payers = np.repeat(owners, times)
        count = len(payers)
        begins = np.repeat(instants(draws, len(owners), day.start, (10, 20)), times)
        payees = np.where(
            draws.chance(_TO_FRIENDS_PER_MILLE, count),
            town.friends(draws, payers),
            town.shops(draws, count),
        )
        amounts = scaled(drawn(draws, lognormal(*_AMOUNT), count), town.person_levels[payers])
        amounts = np.maximum(rounded(draws, amounts, 400), _AMOUNT_MIN)
        rows = make_rows(begins + draws.spans(*_WITHIN, count), amounts, payers, payees)
        rows["initiation"] = draw_initiations(draws, count, _MIX)
        return rows

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="new_phone",
    resembles=("T12",),
    meaning="A device nobody knew pays several times in its first hours: it is the owner's.",
    prepare=_prepare,
)

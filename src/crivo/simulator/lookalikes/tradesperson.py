"""A first payment to a tradesperson, a used car, a deposit: large, by day, to somebody new."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded, scaled
from crivo.simulator.draws import Draws
from crivo.simulator.lookalike import LookAlike, OfDay
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

_PER_MILLE_OF_DAY: Final = 9
_AMOUNT: Final = (60_000, 105)
_AGAIN_PER_MILLE: Final = 300
_MIX: Final = {Initiation.DICT: 800, Initiation.MANU: 160, Initiation.QRES: 40}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    def of_day(day: Day, draws: Draws) -> Rows:
        count = 1 + day.transfers * _PER_MILLE_OF_DAY // 1000
        payers = draws.below(town.census.persons, count)
        new = draws.chance(550, count)
        payees = np.where(
            new, town.newcomers(draws, count, day, within_days=8), town.outsiders(draws, count)
        )
        amounts = scaled(drawn(draws, lognormal(*_AMOUNT), count), town.person_levels[payers])
        amounts = np.maximum(rounded(draws, amounts, 600), 1000)
        occurred_at = instants(draws, count, day.start, (7, 22))
        first = make_rows(occurred_at, amounts, payers, payees)
        first["initiation"] = draw_initiations(draws, count, _MIX)
        # The material first, the work an hour later: the same pair twice.
        again = first[draws.chance(_AGAIN_PER_MILLE, count)]
        again["occurred_at"] += draws.spans(4 * MINUTE, 100 * MINUTE, len(again))
        again["amount_centavos"] = np.maximum(again["amount_centavos"] // 200 * 100, 1000)
        return np.concatenate([first, again])

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="tradesperson",
    resembles=("T04", "T06"),
    meaning="A large payment to a payee never paid before, sometimes repeated within the hour.",
    prepare=_prepare,
)

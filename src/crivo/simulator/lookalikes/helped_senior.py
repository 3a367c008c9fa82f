"""An older person pays with help: on the telephone, slowly, a little sum first, then the rest."""

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
from crivo.simulator.rows import Rows, draw_initiations, make_rows, no_rows
from crivo.simulator.signals import Signal

_PER_MILLE_OF_SENIORS: Final = 15
_TRIAL_CENTAVOS: Final = 100
_TRIED_PER_MILLE: Final = 500
_AMOUNT: Final = (28_000, 95)
_AMOUNT_MIN: Final = 2000
_WAIT: Final = (2 * MINUTE, 25 * MINUTE)
#: A child explains it on the telephone, or steers the screen from afar.
_HELPED: Final = ((Signal.CALL_IN_PROGRESS, 550), (Signal.REMOTE_ACCESS, 80))
_MIX: Final = {Initiation.DICT: 750, Initiation.MANU: 250}


def _prepare(town: Town, _draws: Draws) -> OfDay:
    seniors = np.flatnonzero(town.seniors).astype(np.int64)

    def of_day(day: Day, draws: Draws) -> Rows:
        count = 1 + len(seniors) * _PER_MILLE_OF_SENIORS // 1000
        if len(seniors) == 0:
            return no_rows()
        payers = seniors[draws.below(len(seniors), count)]
        payees = town.outsiders(draws, count)
        amounts = scaled(drawn(draws, lognormal(*_AMOUNT), count), town.person_levels[payers])
        amounts = np.maximum(rounded(draws, amounts, 600), _AMOUNT_MIN)
        occurred_at = instants(draws, count, day.start, (9, 19))
        paid = make_rows(occurred_at + draws.spans(*_WAIT, count), amounts, payers, payees)
        paid["initiation"] = draw_initiations(draws, count, _MIX)
        for signal, per_mille in _HELPED:
            paid["signals"][draws.chance(per_mille, count)] |= int(signal)
        trial = paid[draws.chance(_TRIED_PER_MILLE, count)]
        trial["amount_centavos"] = _TRIAL_CENTAVOS
        trial["occurred_at"] -= draws.spans(MINUTE, 2 * MINUTE, len(trial))
        return np.concatenate([trial, paid])

    return of_day


LOOK_ALIKE: Final = LookAlike(
    name="helped_senior",
    resembles=("T04", "T05", "T06"),
    meaning="An older payer, on the telephone, pays a new payee twice within half an hour.",
    prepare=_prepare,
)

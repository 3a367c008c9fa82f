"""T04, falso parente: a message from a son's "new number" asks for money, and soon for more."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, rounded, scaled
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.rhythm import instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (1, 4)
_WITHIN: Final = 40 * MINUTE
_HOURS: Final = (8, 21)
_AMOUNT: Final = (75_000, 85)
_RISE_PERCENT: Final = (70, 190)
_MIX: Final = {Initiation.DICT: 850, Initiation.MANU: 150}


def _recipe(casting: Casting, draws: Draws) -> Rows:
    count = draws.one(*_PAYMENTS)
    mule = casting.mule(draws)
    victim = casting.victim(draws, seniors=True)
    if victim == mule:
        mule = casting.opened_account()
    begin = instants(draws, 1, casting.day(draws).start, _HOURS)
    waits = np.sort(draws.spans(0, _WITHIN, count))
    waits[0] = 0
    level = casting.town.person_levels[victim : victim + 1]
    asked = scaled(drawn(draws, lognormal(*_AMOUNT), 1), level)
    amounts = np.repeat(asked, count)
    amounts[1:] = amounts[1:] * draws.between(*_RISE_PERCENT, count)[1:] // 100
    amounts = np.maximum(rounded(draws, amounts, 700), 5000)
    payers = np.full(count, victim, dtype=np.int64)
    rows = make_rows(begin + waits, amounts, payers, np.full(count, mule, dtype=np.int64))
    rows["initiation"] = draw_initiations(draws, count, _MIX)
    rows["hop"] = 1
    return rows


TYPOLOGY: Final = Typology(
    code="T04",
    name="false_relative",
    meaning="An older person pays a stranger who poses as family, up to three times in 40 minutes.",
    source="Recipe after the press on WhatsApp impersonation, 2024; share and amounts are priors.",
    signals=(
        "payee never paid before",
        "round amount, large for this payer",
        "two or three payments to the same new payee within the hour",
        "older payer",
    ),
    situation="SCAM",
    fraud_type="MULE",
    share_per_mille=150,
    reported_per_mille=850,
    recipe=_recipe,
)

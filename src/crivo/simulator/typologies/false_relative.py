"""T04, falso parente: a message from a son's "new number" asks for money, and soon for more."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, rounded, scaled
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (1, 4)
_WITHIN: Final = 40 * MINUTE
_HOURS: Final = (8, 21)
_AMOUNT: Final = (230_000, 95)
#: What a payment moves in the mean.
_MEAN: Final = 500_000
_LIMIT: Final = 3_000_000
_RISE_PERCENT: Final = (70, 190)
_MIX: Final = {Initiation.DICT: 850, Initiation.MANU: 150}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    count = draws.one(*_PAYMENTS)
    victim = casting.victim(draws, seniors=True)
    begin = casting.begin(draws, _HOURS)
    waits = np.sort(draws.spans(0, _WITHIN, count))
    waits[0] = 0
    asked = casting.asked(_MEAN, "T04 asked", draws, lognormal(*_AMOUNT), 1)
    amounts = np.repeat(scaled(asked, casting.level(victim)), count)
    amounts[1:] = amounts[1:] * draws.between(*_RISE_PERCENT, count)[1:] // 100
    amounts = np.clip(rounded(draws, amounts, 700), 5000, _LIMIT)
    mule = casting.mule(draws, begin, int(amounts.sum()), without=[victim])
    return Campaign(payments(draws, begin + waits, amounts, victim, mule, _MIX))


TYPOLOGY: Final = Typology(
    code="T04",
    name="false_relative",
    name_pt="WhatsApp clonado, falso parente",
    meaning="An older person pays a stranger who poses as family, up to three times in 40 minutes.",
    source="Recipe after the press on WhatsApp impersonation, 2024; share and amounts are priors.",
    signals=(
        "payee never paid before",
        "round amount, large for this payer",
        "two or three payments to the same new payee within the hour",
        "older payer",
    ),
    situation="SCAM",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=100,
    reported_per_mille=850,
    recipe=_recipe,
    noticed=((Signal.KEY_PASTED, 520), (Signal.CALL_IN_PROGRESS, 70), (Signal.LIMIT_RAISED, 120)),
    means=(Lever.AMOUNT, Lever.HOUR, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=_WITHIN,
)

"""T03, falso investimento: a robot multiplies Pix, and asks fees before it pays anything back."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, rounded, scaled
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (1, 5)
_STAKE: Final = (90_000, 175)
#: What a payment moves in the mean.
_MEAN: Final = 690_000
_STAKE_MIN: Final = 5000
#: What a bank lets a person pay in a day, after a wait.
_LIMIT: Final = 5_000_000
_LATER_PERCENT: Final = (50, 221)
_FEE_PER_MILLE: Final = 600
_FEE_PERCENT: Final = (12, 36)
_WAIT_DAYS: Final = (0, 5)
_HOURS: Final = (8, 23)
_MIX: Final = {
    Initiation.DICT: 620,
    Initiation.QRES: 160,
    Initiation.QRDN: 140,
    Initiation.MANU: 80,
}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    victim = casting.victim(draws)
    first = casting.day(draws)
    count = draws.one(*_PAYMENTS)
    stake = casting.asked(_MEAN, "T03 stake", draws, lognormal(*_STAKE), 1)
    stake = np.maximum(scaled(stake, casting.level(victim)), _STAKE_MIN)
    amounts = np.repeat(stake, count) * draws.between(*_LATER_PERCENT, count) // 100
    amounts[0] = stake[0]
    if count > 1 and draws.one(0, 1000) < _FEE_PER_MILLE:
        # The last one is the fee without which nothing is paid out.
        amounts[-1] = max(int(amounts[:-1].sum()) * draws.one(*_FEE_PERCENT) // 100, 1000)
    amounts = np.clip(rounded(draws, amounts, 550), 1000, _LIMIT)
    days = np.cumsum(draws.between(*_WAIT_DAYS, count))
    occurred_at = np.sort(instants(draws, count, first.start, _HOURS) + (days - days[0]) * DAY)
    robot = casting.mule(draws, int(occurred_at[0]), int(amounts.sum()), without=[victim])
    return Campaign(payments(draws, occurred_at, amounts, victim, robot, _MIX))


TYPOLOGY: Final = Typology(
    code="T03",
    name="fake_investment",
    name_pt="Falso investimento, robô do Pix",
    meaning="A victim invests once or more with the same stranger, and at the end pays a fee.",
    source="Share: Silverguard, Golpes com Pix 2025 (self-selected); median and spread are priors.",
    signals=(
        "payee never paid before, then paid again within days",
        "amount far above what this payer spends",
        "a last payment that is a fraction of the sum before",
    ),
    situation="SCAM",
    fraud_type="SCAMMER_ACCOUNT",
    share_per_mille=120,
    reported_per_mille=640,
    recipe=_recipe,
    # The victim waits for the profit.
    contest_delays=DelayTable(
        ((8, HOUR, DAY), (32, DAY, 7 * DAY), (38, 7 * DAY, 30 * DAY), (22, 30 * DAY, 80 * DAY))
    ),
    noticed=((Signal.KEY_PASTED, 380), (Signal.LIMIT_RAISED, 140), (Signal.LOAN_TAKEN, 60)),
    means=(Lever.AMOUNT, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=(_PAYMENTS[1] - 1) * _WAIT_DAYS[1] * DAY,
)

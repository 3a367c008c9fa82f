"""T06, mão fantasma: somebody else steers the victim's own telephone and empties the account."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, scaled
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_PAYMENTS: Final = (2, 7)
_STEP: Final = (60 * SECOND, 3 * MINUTE)
_AT_NIGHT_PER_MILLE: Final = 450
_BALANCE: Final = (1_000_000, 110)
#: What a payment moves in the mean.
_MEAN: Final = 450_000
_PART_PERCENT: Final = (18, 65)
_MIX: Final = {Initiation.DICT: 760, Initiation.MANU: 170, Initiation.QRDN: 70}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    count = draws.one(*_PAYMENTS)
    victim = casting.victim(draws)
    at_night = draws.one(0, 1000) < _AT_NIGHT_PER_MILLE
    begin = casting.begin(draws, (0, 6) if at_night else (6, 23))
    steps = np.cumsum(draws.spans(*_STEP, count))
    balance = casting.asked(_MEAN, "T06 balance", draws, lognormal(*_BALANCE), 1)
    left = max(int(scaled(balance, casting.level(victim))[0]), 5000)
    amounts = []
    for percent in draws.between(*_PART_PERCENT, count - 1).tolist():
        amounts.append(max(left * percent // 100, 100))
        left = max(left - amounts[-1], 100)
    # The last step takes what is left, but for some change.
    amounts.append(max(left * 93 // 100, 100))
    mules = 1 + draws.one(0, min(3, count))
    each = sum(amounts) // mules
    taken = [casting.mule(draws, begin, each, without=[victim]) for _ in range(mules)]
    payees = np.asarray(taken, dtype=np.int64)[draws.below(mules, count)]
    sums = np.asarray(amounts, dtype=np.int64)
    return Campaign(payments(draws, begin + steps, sums, victim, payees, _MIX))


TYPOLOGY: Final = Typology(
    code="T06",
    name="remote_access",
    name_pt="Mão fantasma, acesso remoto",
    meaning="The account is drained in quick steps from the victim's own device, often at night.",
    source="Steps and device as documented of remote-access malware; share and hours are priors.",
    signals=(
        "a remote-access or accessibility service is on, on a known device",
        "several payments at intervals of one to three minutes",
        "payees never paid before",
        "more than nine tenths of the balance leave, at an odd hour for this payer",
    ),
    situation="FRAUDULENT_ACCESS",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=30,
    reported_per_mille=920,
    recipe=_recipe,
    # A drained account is noticed at the next look at it.
    contest_delays=DelayTable(
        ((45, 10 * MINUTE, 3 * HOUR), (40, 3 * HOUR, 24 * HOUR), (15, 24 * HOUR, 96 * HOUR))
    ),
    noticed=(
        (Signal.REMOTE_ACCESS, 580),
        (Signal.DEVICE_COMPROMISED, 160),
        (Signal.KEY_PASTED, 350),
    ),
    means=(Lever.AMOUNT, Lever.HOUR, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=(_PAYMENTS[1] - 1) * _STEP[1],
)

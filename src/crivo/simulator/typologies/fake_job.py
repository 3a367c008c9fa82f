"""T02, falso emprego: small rewards for "tasks", then deposits that grow until the victim stops."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, rounded, scaled
from crivo.simulator.campaign import Campaign, joined, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.roles import Role
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_REWARDS: Final = 2
_REWARD_CENTAVOS: Final = (1000, 6001)
_PAYMENTS: Final = (3, 9)
_FIRST: Final = (17_000, 80)
#: What a payment moves in the mean.
_MEAN: Final = 270_000
_FIRST_MIN: Final = 2000
_LIMIT: Final = 2_000_000
_RISE_PERCENT: Final = (150, 211)  # about 1.8 times the one before
_DAYS: Final = (1, 6)
_HOURS: Final = (8, 22)
_MIX: Final = {Initiation.DICT: 830, Initiation.QRES: 120, Initiation.MANU: 50}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    victim = casting.victim(draws)
    begin = casting.begin(draws, _HOURS)
    baits = begin + np.sort(draws.spans(0, 5 * HOUR, _REWARDS))
    rewards = draws.between(*_REWARD_CENTAVOS, _REWARDS) // 100 * 100
    count = draws.one(*_PAYMENTS)
    amount = casting.asked(_MEAN, "T02 first", draws, lognormal(*_FIRST), 1)
    asked = [max(int(scaled(amount, casting.level(victim))[0]), _FIRST_MIN)]
    for percent in draws.between(*_RISE_PERCENT, count - 1).tolist():
        asked.append(min(asked[-1] * percent // 100, _LIMIT))
    amounts = rounded(draws, np.asarray(asked, dtype=np.int64), 500)
    span = draws.one(*_DAYS) * DAY
    occurred_at = int(baits[-1]) + HOUR // 2 + np.sort(draws.spans(0, span, count))
    # Nobody pays tasks in their sleep: what falls into the night waits for the morning.
    asleep = (occurred_at - casting.days[0].start) % DAY < 7 * HOUR
    occurred_at = occurred_at + asleep * 7 * HOUR
    occurred_at = np.sort(occurred_at)
    mules = [
        casting.mule(draws, at, one, without=[victim])
        for at, one in zip(occurred_at.tolist(), amounts.tolist(), strict=True)
    ]
    payees = np.asarray(mules, dtype=np.int64)
    payer = casting.mule(draws, begin, 0, without=[victim])
    return Campaign(
        joined(
            payments(draws, baits, rewards, payer, victim, _MIX, hop=0, role=Role.REWARD),
            payments(draws, occurred_at, amounts, victim, payees, _MIX),
        )
    )


TYPOLOGY: Final = Typology(
    code="T02",
    name="fake_job",
    name_pt="Falso emprego, tarefas, renda extra",
    meaning="A victim is paid small rewards for tasks, then pays rising deposits to many payees.",
    source="Share: Silverguard, Golpes com Pix 2025 (self-selected); sequence and amounts priors.",
    signals=(
        "small sums from an unknown payer a little before",
        "every payment to another payee never paid before",
        "amounts that grow from one payment to the next, over one to five days",
    ),
    situation="SCAM",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=120,
    reported_per_mille=680,
    recipe=_recipe,
    noticed=((Signal.KEY_PASTED, 420), (Signal.LOAN_TAKEN, 40), (Signal.LIMIT_RAISED, 60)),
    means=(Lever.AMOUNT, Lever.HOUR, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=(_DAYS[1] - 1) * DAY + 7 * HOUR,
)

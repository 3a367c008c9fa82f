"""T12, roubo de celular, SIM swap: from a device that nobody knew, as much as new devices may."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind, make_facts
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rows import DEVICE_SLOTS
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

#: An unregistered device may pay R$ 200 at a time and R$ 1,000 a day.
_A_DAY: Final = 5
_AMOUNT: Final = (15_000, 20_001)
_JUST_BELOW: Final = 19_900
_JUST_BELOW_PER_MILLE: Final = 500
_DAYS: Final = (1, 4)
_STEP: Final = (MINUTE, 25 * MINUTE)
#: Five steps end before midnight, when the day's counter is new.
_HOURS: Final = (0, 21)
_MULES: Final = (1, 4)
#: The last of an account's places for devices is that of whoever took it over.
_THIEFS_SLOT: Final = DEVICE_SLOTS - 1
_MIX: Final = {Initiation.DICT: 860, Initiation.QRDN: 90, Initiation.QRES: 50}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    victim = casting.victim(draws)
    begin = casting.begin(draws, _HOURS)
    days = draws.one(*_DAYS)
    count = days * _A_DAY
    day = np.repeat(np.arange(days, dtype=np.int64), _A_DAY)
    steps = np.cumsum(draws.spans(*_STEP, count).reshape(days, _A_DAY), axis=1).reshape(-1)
    occurred_at = begin + day * DAY + steps
    amounts = np.where(
        draws.chance(_JUST_BELOW_PER_MILLE, count), _JUST_BELOW, draws.between(*_AMOUNT, count)
    )
    mules = draws.one(*_MULES)
    each = int(amounts.sum()) // mules
    taken = [casting.mule(draws, begin, each, without=[victim]) for _ in range(mules)]
    payees = np.asarray(taken, dtype=np.int64)[draws.below(mules, count)]
    rows = payments(draws, occurred_at, amounts, victim, payees, _MIX)
    rows["device"] = victim * DEVICE_SLOTS + _THIEFS_SLOT
    before = begin - np.sort(draws.spans(5 * MINUTE, 10 * HOUR, 2))[::-1]
    facts = np.concatenate(
        [
            make_facts(FactKind.CREDENTIAL_RESET, before[:1], victim),
            make_facts(FactKind.DEVICE_ADDED, before[1:], victim),
        ]
    )
    return Campaign(rows, facts)


TYPOLOGY: Final = Typology(
    code="T12",
    name="stolen_phone",
    name_pt="Roubo de celular, SIM swap, dispositivo novo",
    meaning="A thief pays from a new device as much as one may: R$ 200, and R$ 1,000 a day.",
    source="Caps of unregistered devices by rule (2024); pattern and prior are assumed.",
    signals=(
        "a device never seen with this payer, password set anew within the day",
        "five payments a day, none above R$ 200, many of R$ 199",
        "payees never paid before",
    ),
    situation="ACCOUNT_TAKEOVER",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=40,
    reported_per_mille=900,
    recipe=_recipe,
    contest_delays=DelayTable(
        ((50, HOUR, 12 * HOUR), (40, 12 * HOUR, 3 * DAY), (10, 3 * DAY, 9 * DAY))
    ),
    noticed=(
        (Signal.NEW_DEVICE, 800),
        (Signal.CREDENTIAL_RESET, 620),
        (Signal.UNUSUAL_PLACE, 320),
        (Signal.DEVICE_COMPROMISED, 80),
    ),
    means=(Lever.HOUR, Lever.PAYEE_AGE, Lever.DEVICE, Lever.PACE),
    lasts_at_most=(_DAYS[1] - 2) * DAY + _A_DAY * _STEP[1],
)

"""T09, Pix errado: "I paid you by mistake", and the return goes to somebody else's account."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, rounded
from crivo.simulator.campaign import Campaign, joined, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.roles import Role
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

#: The same pair of accounts serves several times.
_VICTIMS: Final = (1, 4)
_WITHIN: Final = 72 * HOUR
_AMOUNT: Final = (35_000, 85)
#: What a payment moves in the mean.
_MEAN: Final = 50_000
_AMOUNT_MIN: Final = 5000
_PERSUADING: Final = (8 * MINUTE, 6 * HOUR)
_CLAIM_AFTER: Final = (HOUR, 24 * HOUR)
_HOURS: Final = (8, 21)
_MIX: Final = {Initiation.DICT: 900, Initiation.MANU: 100}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    count = draws.one(*_VICTIMS)
    begin = casting.begin(draws, _HOURS)
    sent = begin + np.sort(draws.spans(0, _WITHIN, count))
    amounts = casting.asked(_MEAN, "T09 amount", draws, lognormal(*_AMOUNT), count)
    amounts = np.maximum(rounded(draws, amounts, 750), _AMOUNT_MIN)
    victims = casting.town.persons(draws, count)
    sender = casting.mule(draws, begin, 0, without=victims.tolist())
    taken = [sender, *victims.tolist()]
    third = casting.mule(draws, begin, int(amounts.sum()), without=taken)
    bait = payments(draws, sent, amounts, sender, victims, _MIX, hop=0, role=Role.REWARD)
    # The sender claims the mistaken payment back from the victim's bank as well.
    bait["contested_at"] = sent + draws.spans(*_CLAIM_AFTER, count)
    back = sent + draws.spans(*_PERSUADING, count)
    return Campaign(joined(bait, payments(draws, back, amounts, victims, third, _MIX)))


TYPOLOGY: Final = Typology(
    code="T09",
    name="wrong_pix",
    name_pt="Golpe do Pix errado",
    meaning="A victim returns an unexpected payment to a third account; the first is claimed back.",
    source="Mechanism after warnings of banks and press; prior, amounts and delays are assumed.",
    signals=(
        "a credit from an unknown payer within hours before",
        "the same sum to another account than the one it came from",
        "a claim on the incoming payment soon after",
    ),
    situation="SCAM",
    fraud_type="SCAMMER_ACCOUNT",
    share_per_mille=30,
    reported_per_mille=780,
    recipe=_recipe,
    contest_delays=DelayTable(((35, HOUR, 24 * HOUR), (65, 24 * HOUR, 120 * HOUR))),
    noticed=((Signal.KEY_PASTED, 560), (Signal.CALL_IN_PROGRESS, 120)),
    means=(Lever.AMOUNT, Lever.PAYEE_AGE),
)

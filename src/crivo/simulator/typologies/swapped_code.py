"""T08, troca de QR: the victim pays an honest bill, and the code or key is somebody else's."""

from __future__ import annotations

from typing import Final

from crivo.domain.instant import DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, priced, scaled
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_VICTIMS: Final = (2, 9)
_DAYS: Final = (2, 8)
_HOURS: Final = (8, 23)
#: What shops ask of those who pay at a desk: dearer than the street.
_BILL: Final = (32_000, 140)
#: What a payment moves in the mean.
_MEAN: Final = 100_000
_MIX: Final = {Initiation.QRDN: 450, Initiation.QRES: 250, Initiation.DICT: 300}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    count = draws.one(*_VICTIMS)
    life = draws.one(*_DAYS)
    first = casting.day(draws)
    occurred_at = instants(draws, count, first.start, _HOURS) + draws.below(life, count) * DAY
    victims = casting.town.persons(draws, count)
    bills = casting.asked(_MEAN, "T08 bill", draws, lognormal(*_BILL), count)
    amounts = priced(draws, scaled(bills, casting.town.person_levels[victims]))
    receiver = casting.store(draws, int(amounts.sum()))
    return Campaign(payments(draws, occurred_at, amounts, victims, receiver, _MIX))


TYPOLOGY: Final = Typology(
    code="T08",
    name="swapped_code",
    name_pt="Troca de QR ou da área de transferência (GoPix)",
    meaning="An honest bill is paid to a receiver that was put in the merchant's place.",
    source="Mechanism as published of GoPix and of pasted-over codes; prior and bills are assumed.",
    signals=(
        "the receiver is not the merchant that was shown",
        "a pasted key or code",
        "payee's account younger than two months",
        "an ordinary amount: it is the bill's",
    ),
    situation="FRAUDULENT_ACCESS",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=20,
    reported_per_mille=800,
    recipe=_recipe,
    # The merchant says that nothing came.
    contest_delays=DelayTable(((30, HOUR, DAY), (50, DAY, 5 * DAY), (20, 5 * DAY, 30 * DAY))),
    noticed=((Signal.RECEIVER_MISMATCH, 550), (Signal.KEY_PASTED, 620)),
    means=(Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=(_DAYS[1] - 1) * DAY,
)

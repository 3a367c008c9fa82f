"""T14, contas laranja: victims' money meets in one account and leaves it within minutes."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, rounded, scaled
from crivo.simulator.campaign import Campaign, joined, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.laundering import move_on
from crivo.simulator.levers import Lever
from crivo.simulator.rows import Rows
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Kind, Typology

_VICTIMS: Final = (3, 13)
_INFLOW: Final = (60_000, 130)
#: What a payment moves in the mean.
_MEAN: Final = 160_000
#: What a payment moves on in the mean, of the money of others' victims.
_MEAN_PASSED_ON: Final = 100_000
_INFLOW_MIN: Final = 3000
_WITHIN: Final = (4 * HOUR, 60 * HOUR)
_MIX: Final = {Initiation.DICT: 820, Initiation.MANU: 120, Initiation.QRES: 60}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    """A network of its own: what its victims were told is not known."""
    count = draws.one(*_VICTIMS)
    begin = casting.begin(draws, (7, 23))
    span = int(draws.spans(*_WITHIN, 1)[0])
    occurred_at = begin + np.sort(draws.spans(0, span, count))
    amounts = casting.asked(_MEAN, "T14 inflow", draws, lognormal(*_INFLOW), count)
    victims = casting.town.persons(draws, count)
    amounts = scaled(amounts, casting.town.person_levels[victims])
    amounts = np.maximum(rounded(draws, amounts, 450), _INFLOW_MIN)
    hub = casting.mule(draws, begin, int(amounts.sum()), without=victims.tolist())
    inflow = payments(draws, occurred_at, amounts, victims, hub, _MIX)
    return Campaign(joined(inflow, move_on(casting, draws, inflow)))


def _attach(casting: Casting, draws: Draws, frauds: Rows) -> Rows:
    """The money of another typology's victims, unless its own recipe has moved it."""
    moved = np.unique(frauds["payer"][frauds["hop"] > 1])
    stays = (frauds["hop"] == 1) & ~np.isin(frauds["payee"], moved)
    return move_on(casting, draws, frauds[stays])


TYPOLOGY: Final = Typology(
    code="T14",
    name="mule_network",
    name_pt="Rede de contas laranja",
    meaning="What victims paid leaves the first account within minutes, in parts, over layers.",
    source="Hop window and number of outflows after the funds-recovery interface; the rest priors.",
    signals=(
        "distinct payers of the payee rise",
        "money leaves as fast as it comes",
        "a payer who never paid before forwards what just arrived",
        "earlier reports about the payee",
    ),
    situation="SCAM",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=400,
    reported_per_mille=760,
    traced_per_mille=600,
    recipe=_recipe,
    kind=Kind.NETWORK,
    attach=_attach,
    mean_passed_on=_MEAN_PASSED_ON,
    noticed=((Signal.DEVICE_COMPROMISED, 120), (Signal.NEW_DEVICE, 70), (Signal.KEY_PASTED, 300)),
    means=(Lever.AMOUNT, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=_WITHIN[1],
)

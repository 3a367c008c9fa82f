"""T13, fraude de abertura: accounts opened in invented names, all of them from one device."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, rounded, scaled
from crivo.simulator.campaign import Campaign, joined, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.rhythm import instants
from crivo.simulator.roles import Role
from crivo.simulator.rows import DEVICE_SLOTS
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_CLUSTER: Final = (3, 31)
_VICTIMS_EACH: Final = (1, 3)
_DAYS: Final = (2, 13)
_INFLOW: Final = (70_000, 125)
#: What a payment moves in the mean.
_MEAN: Final = 180_000
_INFLOW_MIN: Final = 4000
_WAIT: Final = (3 * MINUTE, 5 * HOUR)
_COLLECTED_PERCENT: Final = (85, 100)
_CLUSTERS_SLOT: Final = DEVICE_SLOTS - 1
_MIX: Final = {Initiation.DICT: 840, Initiation.QRES: 90, Initiation.MANU: 70}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    life = draws.one(*_DAYS)
    first = casting.day(draws)
    each = draws.between(*_VICTIMS_EACH, draws.one(*_CLUSTER))
    of = np.repeat(np.arange(len(each), dtype=np.int64), each)
    count = len(of)
    occurred_at = instants(draws, count, first.start, (8, 23)) + draws.below(life, count) * DAY
    victims = casting.town.persons(draws, count)
    amounts = casting.asked(_MEAN, "T13 inflow", draws, lognormal(*_INFLOW), count)
    amounts = scaled(amounts, casting.town.person_levels[victims])
    amounts = np.maximum(rounded(draws, amounts, 450), _INFLOW_MIN)
    came = np.add.reduceat(amounts, np.cumsum(each) - each)
    cluster = np.asarray([casting.store(draws, carrying) for carrying in came.tolist()])
    stolen = payments(draws, occurred_at, amounts, victims, cluster[of], _MIX)
    # One device collects from all of them.
    collector = casting.opened_account()
    swept = amounts * draws.between(*_COLLECTED_PERCENT, count) // 100
    at = occurred_at + draws.spans(*_WAIT, count)
    tail = payments(draws, at, swept, cluster[of], collector, _MIX, hop=2, role=Role.MULE)
    tail["device"] = collector * DEVICE_SLOTS + _CLUSTERS_SLOT
    return Campaign(joined(stolen, tail))


TYPOLOGY: Final = Typology(
    code="T13",
    name="false_accounts",
    name_pt="Fraude de abertura, identidade sintética",
    meaning="Young accounts with one device receive from victims, and pay one account.",
    source="Cluster, amounts and prior are assumed; as a share of receivers three in a hundred.",
    signals=(
        "payee's account younger than 30 days, its first inflow is this one",
        "accounts that share a device pay the same account",
        "distinct payers who never paid before",
    ),
    situation="SCAM",
    fraud_type="APPLICATION_FRAUD",
    share_per_mille=60,
    reported_per_mille=760,
    recipe=_recipe,
    traced_per_mille=400,
    noticed=((Signal.KEY_PASTED, 360),),
    means=(Lever.AMOUNT, Lever.HOUR, Lever.PACE),
    lasts_at_most=(_DAYS[1] - 1) * DAY,
)

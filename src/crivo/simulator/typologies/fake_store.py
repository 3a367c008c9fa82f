"""T01, compra falsa: a shop that does not exist is advertised, paid by many, and vanishes."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import levels, lognormal, priced
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.levers import Lever
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.signals import Signal
from crivo.simulator.typology import Typology

_BUYERS_MEDIAN: Final = 38
_BUYERS: Final = (20, 200)
_LIFE_DAYS: Final = (2, 11)
_ADVERTISEMENTS: Final = (1, 5)
_GOODS: Final = 12
_PRICE: Final = (18_000, 180)
#: What a payment moves in the mean.
_MEAN: Final = 105_000
_PRICE_MIN: Final = 2900
_BORROWED_ACCOUNT_PER_MILLE: Final = 300
_MIX: Final = {Initiation.QRDN: 360, Initiation.QRES: 240, Initiation.DICT: 400}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    first = casting.day(draws)
    life = draws.one(*_LIFE_DAYS)
    count = int(np.clip(levels(draws, 80, 1)[0] * _BUYERS_MEDIAN // 1000, *_BUYERS))
    prices = casting.asked(_MEAN, "T01 price", draws, lognormal(*_PRICE), _GOODS)
    goods = priced(draws, np.maximum(prices, _PRICE_MIN))
    # Each advertisement brings a burst, which tires within three days.
    shown = draws.below(life, draws.one(*_ADVERTISEMENTS))
    tired = np.minimum(draws.below(3, count), draws.below(3, count))
    day = np.minimum(shown[draws.below(len(shown), count)] + tired, life - 1)
    occurred_at = instants(draws, count, first.start, (7, 24)) + day * DAY
    amounts = goods[draws.below(_GOODS, count)]
    carrying = int(amounts.sum())
    borrowed = draws.one(0, 1000) < _BORROWED_ACCOUNT_PER_MILLE
    store = (
        casting.mule(draws, int(occurred_at.min()), carrying)
        if borrowed
        else casting.store(draws, carrying)
    )
    buyers = casting.victims(draws, count, without=store)
    return Campaign(payments(draws, occurred_at, amounts, buyers, store, _MIX))


TYPOLOGY: Final = Typology(
    code="T01",
    name="fake_store",
    name_pt="Compra falsa, loja falsa",
    meaning="Many unrelated people buy from a shop that never delivers.",
    source="Share and amounts: Silverguard, Golpes com Pix 2025 (self-selected); the rest a prior.",
    signals=(
        "payee seen for the first time a few days ago",
        "burst of unrelated payers, hardly any of whom returns",
        "amounts that look like prices",
        "earlier reports about the payee",
    ),
    situation="SCAM",
    fraud_type="SCAMMER_ACCOUNT",
    share_per_mille=380,
    reported_per_mille=720,
    recipe=_recipe,
    # The buyer waits for the parcel first.
    contest_delays=DelayTable(
        ((12, HOUR, DAY), (48, DAY, 5 * DAY), (28, 5 * DAY, 15 * DAY), (12, 15 * DAY, 80 * DAY))
    ),
    noticed=((Signal.KEY_PASTED, 180), (Signal.RECEIVER_MISMATCH, 30)),
    means=(Lever.AMOUNT, Lever.PAYEE_AGE, Lever.PACE),
    lasts_at_most=(_LIFE_DAYS[1] - 1) * DAY,
)

"""T01, compra falsa: a shop that does not exist is advertised, paid by many, and vanishes."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, levels, lognormal, priced
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows
from crivo.simulator.typology import Typology

_BUYERS_MEDIAN: Final = 18
_BUYERS: Final = (4, 90)
_LIFE_DAYS: Final = (2, 11)
_GOODS: Final = 5
_PRICES: Final = (18_000, 85)
_BORROWED_ACCOUNT_PER_MILLE: Final = 300
_MIX: Final = {Initiation.QRDN: 360, Initiation.QRES: 240, Initiation.DICT: 400}


def _recipe(casting: Casting, draws: Draws) -> Rows:
    borrowed = draws.one(0, 1000) < _BORROWED_ACCOUNT_PER_MILLE
    store = casting.mule(draws) if borrowed else casting.opened_account()
    first = casting.day(draws)
    life = draws.one(*_LIFE_DAYS)
    count = int(np.clip(levels(draws, 80, 1)[0] * _BUYERS_MEDIAN // 1000, *_BUYERS))
    goods = priced(draws, drawn(draws, lognormal(*_PRICES), _GOODS))
    # An advertisement tires: the smaller of two days.
    day = np.minimum(draws.below(life, count), draws.below(life, count))
    occurred_at = instants(draws, count, first.start, (7, 24)) + day * DAY
    buyers = casting.victims(draws, count, without=store)
    stores = np.full(count, store, dtype=np.int64)
    rows = make_rows(occurred_at, goods[draws.below(_GOODS, count)], buyers, stores)
    rows["initiation"] = draw_initiations(draws, count, _MIX)
    rows["hop"] = 1
    return rows[rows["occurred_at"] < casting.end]


TYPOLOGY: Final = Typology(
    code="T01",
    name="fake_store",
    meaning="Many unrelated people buy from a shop that never delivers.",
    source="Share and amounts: Silverguard, Golpes com Pix 2025 (self-selected); the rest a prior.",
    signals=(
        "payee seen for the first time a few days ago",
        "burst of unrelated payers, hardly any of whom returns",
        "amounts that look like prices",
        "earlier reports about the payee",
    ),
    situation="SCAM",
    fraud_type="SCAMMER",
    share_per_mille=420,
    reported_per_mille=720,
    recipe=_recipe,
    # The buyer waits for the parcel first.
    contest_delays=DelayTable(
        ((12, HOUR, DAY), (48, DAY, 5 * DAY), (28, 5 * DAY, 15 * DAY), (12, 15 * DAY, 80 * DAY))
    ),
)

"""T10, Pix agendado falso: the receipt of a scheduled order is shown as if it were paid."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.simulator.amounts import lognormal, rounded
from crivo.simulator.campaign import Campaign
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.facts import FactKind, make_facts
from crivo.simulator.typology import Kind, Typology

_SELLERS: Final = (1, 4)
_WITHIN: Final = 2 * DAY
_GOODS: Final = (65_000, 90)
_GOODS_MIN: Final = 3000
_CANCELLED_AFTER: Final = (20 * MINUTE, 15 * HOUR)


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    begin = casting.begin(draws, (9, 20))
    count = draws.one(*_SELLERS)
    ordered_at = begin + np.sort(draws.spans(0, _WITHIN, count))
    swindler = casting.mule(draws, begin, 0)
    sellers = casting.victims(draws, count, without=swindler)
    goods = casting.quota("T10 goods").drawn(draws, lognormal(*_GOODS), count)
    amounts = np.maximum(rounded(draws, goods, 600), _GOODS_MIN)
    cancelled_at = ordered_at + draws.spans(*_CANCELLED_AFTER, count)
    orders = [
        make_facts(kind, at, swindler, others=sellers, amounts=amounts)
        for kind, at in (
            (FactKind.SCHEDULED, ordered_at),
            (FactKind.SCHEDULE_CANCELLED, cancelled_at),
        )
    ]
    return Campaign(facts=np.concatenate(orders))


TYPOLOGY: Final = Typology(
    code="T10",
    name="fake_receipt",
    name_pt="Pix agendado falso, comprovante falso",
    meaning="Goods are handed over for the receipt of a scheduled order that is then cancelled.",
    source="Mechanism after warnings of banks and press; amounts, delays and prior are assumed.",
    signals=(
        "an order for a later day to a payee never paid before",
        "its cancellation before the day",
        "no credit ever arrives",
    ),
    situation="",
    fraud_type="",
    share_per_mille=20,
    reported_per_mille=0,
    recipe=_recipe,
    kind=Kind.CASE,
)

"""T18, comprometimento de PSP ou PSTI: in one night, companies' accounts are emptied."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.reports import DelayTable
from crivo.simulator.typology import Kind, Typology

_TRANSFERS: Final = (60, 161)
_PAYERS: Final = (3, 9)
_RECEIVERS: Final = (12, 41)
_WITHIN: Final = 3 * HOUR
_AMOUNT: Final = (18_000_000, 90)
_AMOUNTS: Final = (5_000_000, 90_000_000)
_MIX: Final = {Initiation.MANU: 600, Initiation.DICT: 400}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    begin = casting.begin(draws, (0, 4))
    count = draws.one(*_TRANSFERS)
    occurred_at = begin + np.sort(draws.spans(0, _WITHIN, count))
    amounts = np.clip(
        casting.quota("T18 amount").drawn(draws, lognormal(*_AMOUNT), count), *_AMOUNTS
    )
    robbed = casting.town.businesses(draws, draws.one(*_PAYERS))
    payers = robbed[draws.below(len(robbed), count)]
    opened = [casting.opened_account(company=bool(place % 2)) for place in range(_RECEIVERS[1])]
    receivers = np.asarray(opened[: draws.one(*_RECEIVERS)], dtype=np.int64)
    payees = receivers[draws.below(len(receivers), count)]
    return Campaign(payments(draws, occurred_at, amounts // 100 * 100, payers, payees, _MIX))


TYPOLOGY: Final = Typology(
    code="T18",
    name="provider_breach",
    name_pt="Comprometimento de PSP ou PSTI",
    meaning="Through a breached provider, companies pay large sums to new receivers in one night.",
    source="Press on the attack of 2025 (about R$ 710 million); sizes here are a drill's.",
    signals=(
        "companies' accounts pay large sums at night",
        "receivers that were never paid and have just been opened",
        "outflow far beyond the institution's usual",
    ),
    situation="FRAUDULENT_ACCESS",
    fraud_type="MULE_ACCOUNT",
    share_per_mille=0,
    reported_per_mille=990,
    recipe=_recipe,
    kind=Kind.SCENARIO,
    contest_delays=DelayTable(((100, 20 * MINUTE, 8 * HOUR),)),
)

"""T19, autofraude: a customer of years claims that honest purchases were fraud."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import lognormal, priced, scaled
from crivo.simulator.campaign import Campaign, payments
from crivo.simulator.casting import Casting
from crivo.simulator.draws import Draws
from crivo.simulator.reports import DelayTable
from crivo.simulator.rhythm import instants
from crivo.simulator.roles import Role
from crivo.simulator.typology import Kind, Typology

_PURCHASES: Final = (3, 9)
_CLAIMED_PER_MILLE: Final = 600
_DAYS: Final = 40
_PRICE: Final = (24_000, 90)
#: The parcel has come by then.
_CLAIM_DELAYS: Final = DelayTable(
    ((30, DAY, 5 * DAY), (50, 5 * DAY, 30 * DAY), (20, 30 * DAY, 80 * DAY))
)
_MIX: Final = {Initiation.QRDN: 900, Initiation.DICT: 100}


def _recipe(casting: Casting, draws: Draws) -> Campaign:
    claimant = casting.victim(draws)
    # One merchant, who was paid before and will be again.
    who = np.full(1, claimant, dtype=np.int64)
    merchant = int(casting.town.favourite_shops(draws, who)[0])
    count = draws.one(*_PURCHASES)
    days = np.sort(draws.below(min(_DAYS, len(casting.days)), count))
    occurred_at = np.sort(instants(draws, count, casting.days[0].start, (8, 23)) + days * DAY)
    prices = casting.quota("T19 price").drawn(draws, lognormal(*_PRICE), count)
    amounts = priced(draws, scaled(prices, casting.level(claimant)))
    rows = payments(draws, occurred_at, amounts, claimant, merchant, _MIX, hop=0, role=Role.ABUSE)
    claimed = np.flatnonzero(draws.chance(_CLAIMED_PER_MILLE, count))
    rows["contested_at"][claimed] = occurred_at[claimed] + _CLAIM_DELAYS.drawn(draws, len(claimed))
    return Campaign(rows)


TYPOLOGY: Final = Typology(
    code="T19",
    name="refund_abuse",
    name_pt="Autofraude, abuso do MED",
    meaning="A repeat claimant contests honest purchases; nine of ten claims are rejected.",
    source="Derived from the share of claims that banks reject; purchases and delays are assumed.",
    signals=(
        "payer has contested before",
        "a long relationship with the merchant",
        "goods were delivered",
    ),
    situation="SCAM",
    fraud_type="",
    share_per_mille=120,
    reported_per_mille=0,
    recipe=_recipe,
    kind=Kind.ABUSE,
    contest_delays=_CLAIM_DELAYS,
)

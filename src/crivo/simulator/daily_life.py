"""What honest people and businesses pay on an ordinary day, by nature of payment.

Natures and initiation forms follow the official composition of June 2026 (P2B 46 %, P2P 40 %,
B2P 9.6 %, B2B 4.1 %; QRDN 43 %, DICT 37 %, MANU 11 %, QRES 8 %).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal, priced, rounded, scaled
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.people import PARTNER_HABITS, PERIOD_OF_HOUR, Town
from crivo.simulator.rhythm import Day, hours_of, instants
from crivo.simulator.rows import Rows, draw_initiations, make_rows

#: Thousandths of transfers that businesses make, by Brasília hour of a working day.
_BUSINESS_BY_HOUR: Final = (
    (60,) * 3 + (170,) * 2 + (60,) * 2 + (140,) * 2 + (200,) * 9 + ((140,) * 2 + (60,) * 4)
)
_WEEKEND_PERCENT: Final = 35

#: Of what persons pay, thousandths that go to shops.
_TO_SHOPS: Final = 535
#: Of what businesses pay, thousandths that go to persons.
_TO_PERSONS: Final = 700

FROM_PERSON_TO_SHOP: Final = {
    Initiation.QRDN: 847,
    Initiation.QRES: 100,
    Initiation.DICT: 28,
    Initiation.MANU: 20,
    Initiation.AUTO: 3,
    Initiation.APDN: 1,
    Initiation.INIC: 1,
}
FROM_PERSON_TO_PERSON: Final = {
    Initiation.DICT: 760,
    Initiation.MANU: 118,
    Initiation.QRES: 80,
    Initiation.QRDN: 40,
    Initiation.INIC: 2,
}
FROM_BUSINESS: Final = {
    Initiation.DICT: 450,
    Initiation.MANU: 350,
    Initiation.QRDN: 180,
    Initiation.QRES: 20,
}

#: Bodies (median in centavos, sigma in percent); persons' and merchants' levels widen them.
TO_SHOP: Final = (3700, 96)
TO_PERSON: Final = (7400, 148)
BUSINESS_TO_PERSON: Final = (17_000, 127)
BUSINESS_TO_BUSINESS: Final = (20_300, 215)


def ordinary_day(town: Town, day: Day, draws: Draws, count: int) -> Rows:
    """`count` transfers of that day, unsorted, with devices."""
    occurred_at = instants(draws, count, day.start)
    hours = hours_of(occurred_at)
    odds = np.asarray(_BUSINESS_BY_HOUR, dtype=np.int64)[hours]
    if day.is_weekend:
        odds = odds * _WEEKEND_PERCENT // 100
    by_business = draws.chance(odds, count)
    parts = [_businesses_pay(town, draws, occurred_at[by_business])]
    periods = np.asarray(PERIOD_OF_HOUR, dtype=np.int64)[hours]
    for period in range(3):
        chosen = occurred_at[~by_business & (periods == period)]
        payers = town.persons(draws, len(chosen), period)
        to_shop = draws.chance(_TO_SHOPS, len(chosen))
        parts.append(pay_shops(town, day, draws, chosen[to_shop], payers[to_shop]))
        parts.append(_pay_people(town, day, draws, chosen[~to_shop], payers[~to_shop]))
    rows = np.concatenate(parts)
    town.set_devices(draws, rows, day)
    return rows


def pay_shops(town: Town, day: Day, draws: Draws, occurred_at: Int64s, payers: Int64s) -> Rows:
    """Persons buy: mostly where they always do, else where everybody does, else somewhere new."""
    count = len(payers)
    kind = draws.below(1000, count)
    anywhere = town.census.first_business + draws.below(town.census.businesses, count)
    payees = np.select(
        [kind < 600, kind < 880, kind < 965],
        [town.favourite_shops(draws, payers), town.shops(draws, count), anywhere],
        default=town.newcomers(draws, count, day),
    )
    amounts = scaled(drawn(draws, lognormal(*TO_SHOP), count), town.person_levels[payers])
    amounts = scaled(amounts, merchant_levels(town, payees))
    rows = make_rows(occurred_at, priced(draws, amounts), payers, payees)
    rows["initiation"] = draw_initiations(draws, count, FROM_PERSON_TO_SHOP)
    return rows


def merchant_levels(town: Town, payees: Int64s) -> Int64s:
    """How dear each payee is, in thousandths; one who is no business of the town is ordinary."""
    place = payees - town.census.first_business
    is_business = (place >= 0) & (place < town.census.businesses)
    return np.where(is_business, town.business_levels[np.where(is_business, place, 0)], 1000)


def _pay_people(town: Town, day: Day, draws: Draws, occurred_at: Int64s, payers: Int64s) -> Rows:
    count = len(payers)
    kind = draws.below(1000, count)
    seconds = town.second_accounts(payers)
    outsiders = town.outsiders(draws, count)
    payees = np.select(
        [kind < 640, kind < 860, kind < 930],
        [town.friends(draws, payers), outsiders, town.newcomers(draws, count, day)],
        default=np.where(seconds >= 0, seconds, outsiders),
    )
    amounts = scaled(drawn(draws, lognormal(*TO_PERSON), count), town.person_levels[payers])
    amounts = np.maximum(rounded(draws, amounts, 420), 100)
    rows = make_rows(occurred_at, amounts, payers, payees)
    rows["initiation"] = draw_initiations(draws, count, FROM_PERSON_TO_PERSON)
    return rows


def _businesses_pay(town: Town, draws: Draws, occurred_at: Int64s) -> Rows:
    count = len(occurred_at)
    payers = town.businesses(draws, count)
    place = payers - town.census.first_business
    to_person = draws.chance(_TO_PERSONS, count)
    outside = draws.chance(500, count)
    people = np.where(outside, town.outsiders(draws, count), town.persons(draws, count))
    partners = town.partners[place, draws.below(PARTNER_HABITS, count)]
    amounts = np.where(
        to_person,
        drawn(draws, lognormal(*BUSINESS_TO_PERSON), count),
        drawn(draws, lognormal(*BUSINESS_TO_BUSINESS), count),
    )
    amounts = scaled(np.maximum(amounts, 100), town.business_levels[place])
    payees = np.where(to_person, people, partners)
    rows = make_rows(occurred_at, np.maximum(amounts, 100), payers, payees)
    rows["initiation"] = draw_initiations(draws, count, FROM_BUSINESS)
    return rows

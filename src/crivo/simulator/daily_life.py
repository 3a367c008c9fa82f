"""What honest people, businesses and public offices pay on an ordinary day.

Habits that resemble fraud, and frauds, have taken their places before. The day's plan says how many
transfers of each nature each half-hour holds and how much money each nature moves; ordinary life
fills what they left, so that the whole day has the official composition whatever they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import (
    LEVEL_UNIT,
    drawn,
    drawn_evenly,
    lognormal_of_mean,
    priced,
    rounded,
    scaled,
    subscribed,
    towards,
    within_limit,
)
from crivo.simulator.composition import NATURE_MIX, composition
from crivo.simulator.day_plan import Purse, fill, money_levels
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.initiations import Forms, without_large_contactless
from crivo.simulator.natures import NATURES, Nature, place_of
from crivo.simulator.people import PERIOD_OF_HOUR, Town, natures
from crivo.simulator.rhythm import (
    HALF_HOURS_A_DAY,
    Day,
    half_hours_during,
    half_hours_of,
    instants_in,
)
from crivo.simulator.rows import INITIATIONS, NONE, Rows, make_rows, no_rows

#: A shift holds at most so many transfers, or one half-hour.
SHIFT_TRANSFERS: Final = 16_384

#: Spreads in percent, beside those of persons and merchants. Together they leave 0.61 to 0.62 of
#: the transfers below R$ 100, and 0.186 of what companies pay each other at or above R$ 2,000.
_SPREAD: Final = {
    Nature.P2P: 136,
    Nature.P2B: 96,
    Nature.P2G: 90,
    Nature.B2P: 127,
    Nature.B2B: 243,
    Nature.B2G: 115,
    Nature.G2P: 90,
    Nature.G2B: 150,
    Nature.G2G: 120,
}
_ROUND_PER_MILLE: Final = 420
_LEAST: Final = 100
#: From 20:00 to 06:00, in half-hours, a natural person's limit is R$ 1,000 by default (Res. BCB
#: 142/2021); whoever would pay a little more mostly pays that.
_NIGHT: Final = (40, 12)
_NIGHT_LIMIT: Final = 100_000
_KEPT_PER_MILLE: Final = 700
#: Places of the natures that are most transfers: persons pay persons and companies.
_MANY: Final = (place_of(Nature.P2P), place_of(Nature.P2B))
_PERSONS_PAY: Final = (Nature.P2P, Nature.P2B, Nature.P2G)

#: Whom a nature's payers pay, given what.
_Payees = Callable[[Town, Day, Draws, Int64s, Int64s], Int64s]


class OrdinaryDay:
    """What a day needs beside what it holds already, made shift by shift.

    Args:
        town: Who lives there.
        day: Which day, whole.
        draws: The day's randomness.
        count: How many transfers ordinary life adds.
        seen: The transfers that the day holds already, frauds among them.
        purse: What earlier days owe; this day's part is written into it.
    """

    def __init__(
        self, town: Town, day: Day, draws: Draws, count: int, seen: Rows, purse: Purse
    ) -> None:
        self._town, self._day, self._draws = town, day, draws
        of_seen = natures(town, seen)
        honest = seen["typology"] == NONE
        forms = seen["initiation"].astype(np.int64)
        self._cells = fill(day, draws, count, of_seen, seen["occurred_at"])
        self._levels = money_levels(day, self._cells, of_seen[honest], seen[honest], purse)
        self._forms = Forms(self._cells.sum(axis=1), of_seen[honest], forms[honest], forms)
        held = np.bincount(half_hours_of(seen["occurred_at"]), minlength=HALF_HOURS_A_DAY)
        #: The transfers of the few: what most of the money is, so that its quotas are a day's.
        self._few: Rows | None = None
        #: The day in stretches that memory can hold, to be made in their order.
        self.shifts: Final = day.shifts(self._cells.sum(axis=0) + held, SHIFT_TRANSFERS)

    def of(self, shift: Day) -> Rows:
        """Its ordinary transfers, unsorted, with devices."""
        parts = [no_rows(), *(self._paid(place, shift) for place in _MANY)]
        if self._few is None:
            few = [
                self._paid(place, self._day) for place in range(len(NATURES)) if place not in _MANY
            ]
            self._few = np.concatenate(few)
        at = self._few["occurred_at"]
        parts.append(self._few[(at >= shift.start) & (at < shift.end)])
        rows = np.concatenate(parts)
        between = natures(self._town, rows) == place_of(Nature.P2P)
        forms = self._forms.left(self._draws, int(between.sum()))
        self._forms.note(forms)
        rows["initiation"][between] = forms
        self._town.set_devices(self._draws, rows, shift)
        return rows

    def _paid(self, place: int, during: Day) -> Rows:
        """What a nature's payers pay in the whole day or in a shift, with forms unless P2P."""
        draws, nature = self._draws, NATURES[place]
        hours = half_hours_during(during)
        cells = self._cells[place, hours]
        if not cells.any():
            return no_rows()
        half_hours = np.repeat(np.arange(HALF_HOURS_A_DAY, dtype=np.int64)[hours], cells)
        rows = _nature_pays(self._town, during, draws, place, half_hours, self._levels[place])
        if nature is Nature.P2P:
            return rows
        forms = self._forms.drawn(draws, nature, len(rows))
        forms = without_large_contactless(forms, rows["amount_centavos"])
        self._forms.take(nature, forms)
        rows["initiation"] = forms
        automatic = rows["initiation"] == INITIATIONS.index(Initiation.AUTO)
        rows["amount_centavos"][automatic] = subscribed(draws, int(automatic.sum()))
        return rows


def _nature_pays(
    town: Town, day: Day, draws: Draws, place: int, half_hours: Int64s, money: int
) -> Rows:
    nature = NATURES[place]
    occurred_at = instants_in(draws, half_hours, day.midnight)
    payers = _payers(town, draws, nature, half_hours)
    count = len(payers)
    table = lognormal_of_mean(NATURE_MIX[nature][1], _SPREAD[nature])
    evenly = nature not in (Nature.P2P, Nature.P2B)
    amounts = (drawn_evenly if evenly else drawn)(draws, table, count)
    amounts = scaled(amounts, _payer_levels(town, nature, payers))
    hours = composition().half_hour_levels(day.kind)[place][half_hours] * money // LEVEL_UNIT
    amounts = scaled(amounts, hours)
    if nature is Nature.B2B:
        # Half of all money, in a few large payments: who pays them would move the whole day.
        amounts = towards(amounts, NATURE_MIX[nature][1] * int(hours.sum()) // LEVEL_UNIT)
    payees = _PAYEES[nature](town, day, draws, payers, amounts)
    if nature is Nature.P2B:
        amounts = priced(draws, scaled(amounts, price_levels(town, payees)))
    if nature is Nature.P2P:
        amounts = rounded(draws, amounts, _ROUND_PER_MILLE)
        at_night = (half_hours >= _NIGHT[0]) | (half_hours < _NIGHT[1])
        kept = within_limit(draws, amounts, _NIGHT_LIMIT, _KEPT_PER_MILLE)
        amounts = np.where(at_night, kept, amounts)
    return make_rows(occurred_at, np.maximum(amounts, _LEAST), payers, payees)


def _payers(town: Town, draws: Draws, nature: Nature, half_hours: Int64s) -> Int64s:
    """Who pays at each of those half-hours, which rise."""
    count = len(half_hours)
    if nature in _PERSONS_PAY:
        periods = np.asarray(PERIOD_OF_HOUR, dtype=np.int64)[half_hours // 2]
        payers = np.empty(count, dtype=np.int64)
        for period in range(3):
            mine = np.flatnonzero(periods == period)
            payers[mine] = town.persons(draws, len(mine), period)
        return payers
    if nature in (Nature.B2P, Nature.B2B, Nature.B2G):
        return town.businesses(draws, count)
    return town.governments(draws, count)


def _payer_levels(town: Town, nature: Nature, payers: Int64s) -> Int64s:
    if nature in _PERSONS_PAY:
        return town.person_levels[payers].astype(np.int64)
    if nature in (Nature.B2P, Nature.B2B, Nature.B2G):
        return town.business_levels[payers - town.census.first_business]
    return np.full(len(payers), LEVEL_UNIT, dtype=np.int64)


def _shops(town: Town, day: Day, draws: Draws, payers: Int64s, _amounts: Int64s) -> Int64s:
    """Where they always buy, else where everybody does, else anywhere, else somewhere new."""
    count = len(payers)
    kind = draws.below(1000, count)
    return np.select(
        [kind < 600, kind < 880, kind < 965],
        [
            town.favourite_shops(draws, payers),
            town.shops(draws, count),
            town.shops_anywhere(draws, count),
        ],
        default=town.new_shops(draws, count, day),
    )


def price_levels(town: Town, payees: Int64s) -> Int64s:
    """How dear each payee is, in thousandths; one who is no business of the town is ordinary."""
    place = payees - town.census.first_business
    is_business = (place >= 0) & (place < town.census.businesses)
    return np.where(is_business, town.price_levels[np.where(is_business, place, 0)], LEVEL_UNIT)


def _people(town: Town, day: Day, draws: Draws, payers: Int64s, _amounts: Int64s) -> Int64s:
    """Friends, strangers, people whose account is new, and the own account elsewhere."""
    count = len(payers)
    kind = draws.below(1000, count)
    seconds = town.second_accounts(payers)
    outsiders = town.outsiders(draws, count)
    return np.select(
        [kind < 640, kind < 860, kind < 930],
        [town.friends(draws, payers), outsiders, town.new_people(draws, count, day)],
        default=np.where(seconds >= 0, seconds, outsiders),
    )


def _paid_people(town: Town, _day: Day, draws: Draws, payers: Int64s, _amounts: Int64s) -> Int64s:
    """People of the town and outside it."""
    count = len(payers)
    outside = draws.chance(500, count)
    return np.where(outside, town.outsiders(draws, count), town.persons(draws, count))


def _partners(town: Town, _day: Day, draws: Draws, payers: Int64s, amounts: Int64s) -> Int64s:
    """One of the businesses that each business pays again and again."""
    return town.partners.paid(draws, payers - town.census.first_business, amounts)


def _suppliers(town: Town, _day: Day, draws: Draws, payers: Int64s, _amounts: Int64s) -> Int64s:
    return town.shops(draws, len(payers))


def _offices(town: Town, _day: Day, draws: Draws, payers: Int64s, _amounts: Int64s) -> Int64s:
    """A public office that is not the payer itself."""
    size = town.census
    payees = town.governments(draws, len(payers))
    following = size.first_government + (payees + 1 - size.first_government) % size.governments
    return np.where(payees == payers, following, payees)


_PAYEES: Final[dict[Nature, _Payees]] = {
    Nature.P2P: _people,
    Nature.P2B: _shops,
    Nature.P2G: _offices,
    Nature.B2P: _paid_people,
    Nature.B2B: _partners,
    Nature.B2G: _offices,
    Nature.G2P: _paid_people,
    Nature.G2B: _suppliers,
    Nature.G2G: _offices,
}
assert {place_of(nature) for nature in _PAYEES} == set(range(len(NATURES)))

"""The town: who pays, who is paid, and whom each one pays again and again.

Accounts are numbers. Persons, businesses and public offices pay and are paid; outsiders and second
accounts are only paid, newcomers pay in one habit alone (`lookalikes/new_account.py`). Behaviour
belongs to the person: an activity, a level of amounts, hours of the day, and habitual payees drawn
from a power law.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.simulator.ages import Age, activity_of, level_of
from crivo.simulator.ages import ages as drawn_ages
from crivo.simulator.amounts import LEVEL_UNIT, levels, levels_by_quota, normalised, scaled
from crivo.simulator.companies import Partners, banks_by_quota, partners_by_quota
from crivo.simulator.draws import Bools, Draws, Int8s, Int32s, Int64s, cumulated, mixed
from crivo.simulator.institutions import FRAUD_SHARES, SHARES
from crivo.simulator.natures import Owner
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, NONE, Rows

#: Columns of a person's habits: shops first, then people.
SHOP_HABITS: Final = 6
FRIEND_HABITS: Final = 4

#: How often the first, second, … habitual payee is chosen.
_SHOP_WEIGHTS: Final = (40, 20, 14, 10, 9, 7)
_FRIEND_WEIGHTS: Final = (45, 27, 17, 11)

#: Night 22-6, day 6-18, evening 18-22: the place of each hour.
PERIOD_OF_HOUR: Final = (0,) * 6 + (1,) * 12 + (2,) * 4 + (0,) * 2
#: A person's weight in each period, by chronotype: early, ordinary, late.
_CHRONOTYPES: Final = ((1, 6, 3), (3, 5, 5), (9, 4, 6))
_CHRONOTYPE_MIX: Final = (30, 52, 18)

_ACTIVITY_MEDIAN_SHIFT: Final = 3
_PERSON_SPREAD: Final = 42
#: Most accounts that open are a person's, some a shop's.
_NEW_SHOPS_PERCENT: Final = 40
_PERSONS_A_GOVERNMENT: Final = 20_000
_GOVERNMENTS_MIN: Final = 4
#: How shops are met: by popularity (as favourites or not), or anywhere; see `pay_shops`.
_MET_BY_POPULARITY: Final = 912
_MET_ANYWHERE: Final = 88
_NEW_PHONE_PER_MILLE_A_MONTH: Final = 30
_NEVER: Final = 1 << 30
#: Every so many-th person has a second account.
_SECOND_EVERY: Final = 5

#: Registers are made so many persons at a time.
_BLOCK: Final = 16_384

#: Accounts that serve fraud are numbered in fours: new person, new company, old ones of both.
FRAUD_CLASSES: Final = 4


@dataclass(frozen=True, slots=True)
class Census:
    """How many accounts of each kind; numbers run in the order of the fields, frauds' last."""

    persons: int
    businesses: int
    governments: int
    outsiders: int
    seconds: int
    newcomers_a_day: int
    days: int

    @property
    def first_business(self) -> int:
        """Persons are 0 .. first_business - 1."""
        return self.persons

    @property
    def first_government(self) -> int:
        """The first account of a public office: town hall, state, federation."""
        return self.persons + self.businesses

    @property
    def first_outsider(self) -> int:
        """The first account outside the town: people who are only paid."""
        return self.first_government + self.governments

    @property
    def first_second(self) -> int:
        """The first second account: every fifth person has one with another institution."""
        return self.first_outsider + self.outsiders

    @property
    def first_newcomer(self) -> int:
        """The first account that opens during the world, in the order of opening."""
        return self.first_second + self.seconds

    @property
    def first_fraud(self) -> int:
        """The first account that was opened for fraud; there is no end to these."""
        return self.first_newcomer + self.newcomers_a_day * self.days

    @property
    def new_shops_a_day(self) -> int:
        """How many of a day's newcomers are businesses; they come first among that day's."""
        return self.newcomers_a_day * _NEW_SHOPS_PERCENT // 100


def census(transfers_per_day: int, days: int) -> Census:
    """The town that makes so many transfers: about one payment a person and day."""
    persons = transfers_per_day
    return Census(
        persons=persons,
        businesses=max(40, persons // 12),
        governments=max(_GOVERNMENTS_MIN, persons // _PERSONS_A_GOVERNMENT),
        outsiders=2 * persons,
        seconds=-(-persons // _SECOND_EVERY),
        newcomers_a_day=max(10, persons // 60),
        days=days,
    )


@dataclass(frozen=True, slots=True)
class Town:
    """The accounts and their habits; arrays are indexed by person or by business (from 0)."""

    seed: int
    census: Census
    person_weights: tuple[Int64s, Int64s, Int64s]  # cumulative, by period of the day
    business_weights: Int64s  # cumulative: how much a business pays
    popularity: Int64s  # cumulative: how often a business is paid
    person_levels: Int32s  # thousandths; their mean by activity is one
    business_levels: Int64s  # thousandths, as a payer; their mean by how much it pays is one
    price_levels: Int64s  # thousandths, of businesses as shops; their mean by visits is one
    ages: Int8s  # values of Age
    seniors: Bools
    new_phone_days: Int32s  # the day on which the person's device changes
    habits: Int32s  # persons x (SHOP_HABITS + FRIEND_HABITS), account numbers
    banks: Int64s  # places in ISPBS of the businesses' institutions
    partners: Partners  # whom each business pays

    def persons(self, draws: Draws, count: int, period: int = 1) -> Int64s:
        """`count` persons by their activity in that period (0 night, 1 day, 2 evening)."""
        return draws.chosen(self.person_weights[period], count)

    def businesses(self, draws: Draws, count: int) -> Int64s:
        """`count` account numbers of businesses, by how much they pay."""
        return self.census.first_business + draws.chosen(self.business_weights, count)

    def shops(self, draws: Draws, count: int) -> Int64s:
        """`count` account numbers of businesses, by a power law of how often they are paid."""
        return self.census.first_business + draws.chosen(self.popularity, count)

    def shops_anywhere(self, draws: Draws, count: int) -> Int64s:
        """`count` account numbers of businesses, each as likely as the other."""
        return draws.between(self.census.first_business, self.census.first_government, count)

    def governments(self, draws: Draws, count: int) -> Int64s:
        """`count` account numbers of public offices, each as likely as the other."""
        return draws.between(self.census.first_government, self.census.first_outsider, count)

    def outsiders(self, draws: Draws, count: int) -> Int64s:
        """`count` people outside the town, each as likely as the other."""
        return draws.between(self.census.first_outsider, self.census.first_second, count)

    def newcomers(self, draws: Draws, count: int, day: Day, within_days: int = 30) -> Int64s:
        """`count` accounts that opened lately; before the world began, outsiders stand in."""
        slots = draws.below(self.census.newcomers_a_day, count)
        return self._opened(draws, slots, day, within_days, self.outsiders(draws, count))

    def new_people(self, draws: Draws, count: int, day: Day, within_days: int = 30) -> Int64s:
        """`count` accounts of persons that opened lately; outsiders stand in for the past."""
        size = self.census
        slots = draws.between(size.new_shops_a_day, size.newcomers_a_day, count)
        return self._opened(draws, slots, day, within_days, self.outsiders(draws, count))

    def new_shops(self, draws: Draws, count: int, day: Day, within_days: int = 30) -> Int64s:
        """`count` accounts of businesses that opened lately; old ones stand in for the past."""
        slots = draws.below(self.census.new_shops_a_day, count)
        return self._opened(draws, slots, day, within_days, self.shops_anywhere(draws, count))

    def _opened(
        self, draws: Draws, slots: Int64s, day: Day, within_days: int, before: Int64s
    ) -> Int64s:
        count = len(slots)
        ages = np.minimum(draws.below(within_days, count), draws.below(within_days, count))
        opened = day.index - ages
        accounts = self.census.first_newcomer + opened * self.census.newcomers_a_day + slots
        return np.where(opened >= 0, accounts, before)

    def second_accounts(self, persons: Int64s) -> Int64s:
        """The person's account with another institution, or NONE: every fifth person has one."""
        owned = self.census.first_second + persons // _SECOND_EVERY
        return np.where(persons % _SECOND_EVERY == 0, owned, NONE)

    def who_has_two(self, person: int) -> int:
        """That person, or the next below who has a second account."""
        return person - person % _SECOND_EVERY

    def favourite_shops(self, draws: Draws, persons: Int64s) -> Int64s:
        """One of each person's habitual shops."""
        place = draws.chosen(cumulated(_SHOP_WEIGHTS), len(persons))
        return self.habits[persons, place].astype(np.int64)

    def friends(self, draws: Draws, persons: Int64s) -> Int64s:
        """One of the people whom each person pays again and again."""
        place = draws.chosen(cumulated(_FRIEND_WEIGHTS), len(persons))
        return self.habits[persons, SHOP_HABITS + place].astype(np.int64)

    def set_devices(self, draws: Draws, rows: Rows, day: Day) -> None:
        """Gives each row the device its payer has that day; some have two, few stay unknown."""
        payers = rows["payer"]
        is_person = payers < self.census.persons
        changes = self.new_phone_days[np.where(is_person, payers, 0)]
        second = (payers % 7 == 0) & draws.chance(300, len(rows))
        slot = np.where(is_person & (day.index >= changes), 2, np.where(second, 1, 0))
        devices = payers * DEVICE_SLOTS + slot
        rows["device"] = np.where(draws.chance(20, len(rows)), NONE, devices)


def settle(seed: int, size: Census) -> Town:
    """The town of that seed and size."""
    draws = Draws(seed, "people")
    ages = drawn_ages(draws, size.persons).astype(np.int8)
    activity = levels(draws, 95, size.persons) * activity_of(ages) // LEVEL_UNIT
    activity = np.maximum(activity >> _ACTIVITY_MEDIAN_SHIFT, 1)
    chronotype = draws.chosen(cumulated(_CHRONOTYPE_MIX), size.persons).astype(np.int8)
    of_chronotype = np.asarray(_CHRONOTYPES, dtype=np.int64)
    night, by_day, evening = (
        cumulated(of_chronotype[chronotype, period] * activity) for period in range(3)
    )
    ranks = draws.shuffled(np.arange(size.businesses, dtype=np.int64))
    popularity = cumulated(1_000_000 // (ranks + 5))
    phone_odds = 1000 * 30 // _NEW_PHONE_PER_MILLE_A_MONTH
    new_phone = draws.below(phone_odds, size.persons).astype(np.int32)
    visits = _visits(popularity)
    business_weights = levels(draws, 120, size.businesses)
    business_levels = levels_by_quota(draws, 80, business_weights)
    activity_of_day = of_chronotype.sum(axis=1)[chronotype] * activity
    del activity, chronotype
    drawn = levels_by_quota(draws, _PERSON_SPREAD, activity_of_day)
    person_levels = normalised(scaled(drawn, level_of(ages)), activity_of_day).astype(np.int32)
    del activity_of_day
    banks = banks_by_quota(draws, visits)
    return Town(
        seed=seed,
        census=size,
        person_weights=(night, by_day, evening),
        business_weights=cumulated(business_weights),
        popularity=popularity,
        person_levels=person_levels,
        business_levels=normalised(business_levels, business_weights),
        price_levels=normalised(levels_by_quota(draws, 80, visits), visits),
        ages=ages,
        seniors=np.asarray(ages == Age.FROM_60),
        new_phone_days=np.where(new_phone < size.days, new_phone, np.int32(_NEVER)),
        habits=_habits(draws, size, popularity),
        banks=banks,
        partners=partners_by_quota(
            draws, banks, popularity, business_weights * business_levels, size.first_business
        ),
    )


def _visits(popularity: Int64s) -> Int64s:
    """How often each shop is met, in parts of a thousand million."""
    count = len(popularity)
    by_popularity = np.diff(popularity, prepend=0) * _MET_BY_POPULARITY * 1_000_000
    return by_popularity // int(popularity[-1]) + _MET_ANYWHERE * 1_000_000 // count


def _habits(draws: Draws, size: Census, popularity: Int64s) -> Int32s:
    found = np.empty((size.persons, SHOP_HABITS + FRIEND_HABITS), dtype=np.int32)
    for mine in _blocks(size.persons):
        shops = draws.chosen(popularity, len(mine) * SHOP_HABITS).reshape(len(mine), SHOP_HABITS)
        found[mine, :SHOP_HABITS] = size.first_business + shops
    for mine in _blocks(size.persons):
        # Two in three friends live outside the town; a person's friends may have the same friends.
        anyone = draws.between(0, 3 * size.persons, len(mine) * FRIEND_HABITS)
        anyone = anyone.reshape(len(mine), FRIEND_HABITS)
        outside = size.first_outsider + (anyone - size.persons)
        friends = np.where(anyone < size.persons, anyone, outside)
        own = mine[:, None]
        found[mine, SHOP_HABITS:] = np.where(friends == own, size.first_outsider + own, friends)
    return found


def _blocks(count: int) -> Iterator[Int64s]:
    """The numbers below `count`, in blocks that need little memory."""
    for first in range(0, count, _BLOCK):
        yield np.arange(first, min(first + _BLOCK, count), dtype=np.int64)


def fraud_account_age_days(town: Town, accounts: Int64s) -> Int64s:
    """How old an account of frauds is when the world begins, or when it is first used: in days.

    New ones are younger than 90; of the others (bought, rented, asleep) two thirds are younger than
    two years. NONE for accounts that serve other ends.
    """
    size = town.census
    spread = (mixed(accounts, town.seed ^ 0x616765) >> np.uint64(32)).astype(np.int64)
    old = (accounts - size.first_fraud) % FRAUD_CLASSES >= 2
    lent = 90 + spread % 640
    asleep = 730 + spread % 1500
    ages = np.where(old, np.where(spread // 8192 % 3 < 2, lent, asleep), 1 + spread % 89)
    return np.asarray(np.where(accounts >= size.first_fraud, ages, NONE), dtype=np.int64)


def account_institutions(town: Town, accounts: Int64s) -> Int64s:
    """The place in ISPBS of each account's institution, fixed by the seed.

    Only those of businesses are stored: which ones the largest have is a quota.
    """
    size = town.census
    spread = (mixed(accounts, town.seed * 2 + 1) >> np.uint64(32)).astype(np.int64)
    honest, fraud = cumulated(SHARES), cumulated(FRAUD_SHARES)
    found = np.searchsorted(honest, spread % int(honest[-1]), side="right").astype(np.int64)
    company = accounts - size.first_business
    is_company = np.flatnonzero((company >= 0) & (company < size.businesses))
    found[is_company] = town.banks[company[is_company]]
    is_fraud = np.flatnonzero(accounts >= size.first_fraud)
    if len(is_fraud):
        spread = spread[is_fraud] % int(fraud[-1])
        found[is_fraud] = np.searchsorted(fraud, spread, side="right")
    return found


def owners(town: Town, accounts: Int64s) -> Int64s:
    """Who holds each account, as values of Owner.

    Accounts that serve fraud alone are a person's and a business's in turn: even places from the
    first belong to persons, odd ones to businesses, so that who opens one can choose.
    """
    size = town.census
    is_business = (accounts >= size.first_business) & (accounts < size.first_government)
    is_government = (accounts >= size.first_government) & (accounts < size.first_outsider)
    slot = (accounts - size.first_newcomer) % size.newcomers_a_day
    is_new = (accounts >= size.first_newcomer) & (accounts < size.first_fraud)
    is_fraud = accounts >= size.first_fraud
    is_business |= is_new & (slot < size.new_shops_a_day)
    is_business |= is_fraud & ((accounts - size.first_fraud) % 2 == 1)
    return np.select(
        [is_business, is_government],
        [np.int64(Owner.BUSINESS), np.int64(Owner.GOVERNMENT)],
        default=np.int64(Owner.PERSON),
    )


def is_legal_person(town: Town, accounts: Int64s) -> Bools:
    """Whether each account is held by a business or a public office."""
    return np.asarray(owners(town, accounts) != Owner.PERSON)


def natures(town: Town, rows: Rows) -> Int64s:
    """The place in NATURES of each row's nature."""
    return 3 * owners(town, rows["payer"]) + owners(town, rows["payee"])

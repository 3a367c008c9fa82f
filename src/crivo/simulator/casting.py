"""Casts campaigns: when they happen, who is robbed, and through whose accounts the money leaves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.people import FRAUD_CLASSES, Town, account_institutions, is_legal_person
from crivo.simulator.quota import Quota
from crivo.simulator.rhythm import Day, instants
from crivo.simulator.rows import Rows

#: Where mules come from, in thousandths: used before, opened for it, lent, or long asleep. Together
#: with shops that are always new, 55 % are new, 30 % lent and 15 % asleep (priors).
_USED: Final = 250
_NEW: Final = 480
_LENT: Final = 825

#: From a mule account's first fraud to its mark: median four days (a prior).
_LIFE: Final = (4 * DAY, 80)
_LIFE_DAYS_MAX: Final = 30

#: Of the value of accepted fraud, thousandths that reach companies (Silverguard, 2025).
COMPANIES_PER_MILLE_OF_VALUE: Final = 650
_SLACK_PER_MILLE: Final = 5

_MEANS_MAX: Final = 8

#: How far ahead an account at a wanted institution is looked for.
_LOOK_AHEAD: Final = 256


class Casting:
    """Hands out days, victims and accounts to one campaign after the other.

    Companies and persons receive by quota of value: a campaign's receiver is drawn, and drawn
    again the other way where that would lead the world's share away from the prior.
    """

    def __init__(self, town: Town, days: tuple[Day, ...]) -> None:
        self.town = town
        self.turn_to(days)
        self._opened = 0
        self._alive: dict[tuple[int, bool], list[int]] = {}
        self._quotas: dict[str, Quota] = {}
        self._paid: dict[str, tuple[int, int]] = {}
        self._turns: dict[str, int] = {}
        self._means: dict[str, int] = {}
        #: Thousandths of a typology's payments that become known: of victims, and of mules.
        self._odds = {False: 1000, True: 1000}
        #: Centavos that become known, times a thousand: in all, and those that reach companies.
        #: `carried` has those that the present campaign is to carry, too.
        self._known = [0, 0]
        self._carried = [0, 0]

    def turn_to(self, days: tuple[Day, ...]) -> None:
        """From now on campaigns happen on these days."""
        self.days = days
        self._day_weights = cumulated(tuple(day.transfers for day in days))

    @property
    def accounts(self) -> int:
        """One more than the greatest account number in use."""
        return self.town.census.first_fraud + FRAUD_CLASSES * self._opened

    @property
    def end(self) -> int:
        """The instant at which the days end."""
        return self.days[-1].end

    def day(self, draws: Draws) -> Day:
        """The day on which a campaign begins: busy days have more."""
        return self.days[int(draws.chosen(self._day_weights, 1)[0])]

    def begin(self, draws: Draws, hours: tuple[int, int] = (0, 24)) -> int:
        """The instant at which a campaign begins, within these Brasília hours."""
        return int(instants(draws, 1, self.day(draws).start, hours)[0])

    def turn(self, name: str, per_mille: int) -> bool:
        """Whether it is the turn of this campaign: of any run of them so many thousandths."""
        before = self._turns.setdefault(name, int(Draws(self.town.seed, "turn", name).one(0, 1000)))
        self._turns[name] = before + per_mille
        return self._turns[name] // 1000 > before // 1000

    def quota(self, name: str) -> Quota:
        """The quota of that name: the same one for all campaigns of the world."""
        if name not in self._quotas:
            salt = int(Draws(self.town.seed, "quota", name).words(1)[0])
            self._quotas[name] = Quota(salt)
        return self._quotas[name]

    def asked(self, mean: int, name: str, draws: Draws, table: Int64s, count: int) -> Int64s:
        """`count` sums of the quota of that name, which begins with the typology's code.

        Each is drawn twice. While the typology's victims have paid less a payment than `mean`
        centavos the greater counts, while they have paid more the lesser, within 3 % the first:
        so a few hundred payments have the mean of their typology in spite of its heavy tail. No
        sum is above eight times the mean: limits and balances end there.
        """
        sums = np.minimum(self.quota(name).drawn(draws, table, 2 * count), _MEANS_MAX * mean)
        first, second = sums.reshape(2, count)
        code = name.partition(" ")[0]
        self._means[code] = mean
        payments, money = self._paid.get(code, (0, 0))
        off = (money - mean * payments) * 100
        if abs(off) <= 3 * mean * payments:
            return first
        return np.minimum(first, second) if off > 0 else np.maximum(first, second)

    def mean(self, code: str) -> int | None:
        """What victims of that typology pay in the mean, if it has asked for sums of a mean."""
        return self._means.get(code)

    def plays(self, reported_per_mille: int, traced_per_mille: int) -> None:
        """From now on campaigns are of a typology that becomes known so often."""
        self._odds = {False: reported_per_mille, True: traced_per_mille}

    def settled(self, code: str, frauds: Rows) -> None:
        """Notes what a campaign of that typology moved, for `asked` and `company`."""
        stolen = frauds["hop"] == 1
        amounts = frauds["amount_centavos"]
        payments, money = self._paid.get(code, (0, 0))
        self._paid[code] = (payments + int(stolen.sum()), money + int(amounts[stolen].sum()))
        known = amounts * np.where(stolen, self._odds[False], self._odds[True])
        legal = is_legal_person(self.town, frauds["payee"])
        self._known = [self._known[0] + int(known.sum()), self._known[1] + int(known[legal].sum())]
        self._carried = list(self._known)

    def opened_account(self, *, company: bool = False, old: bool = False) -> int:
        """An account that serves nothing but fraud: opened for it, or (`old`) bought or rented."""
        self._opened += 1
        return self.accounts - FRAUD_CLASSES + company + 2 * old

    def opened_at(self, institution: int, *, company: bool = False, old: bool = False) -> int:
        """The same at a wanted institution, unless that has none for long."""
        first = self.accounts + company + 2 * old
        ahead = first + FRAUD_CLASSES * np.arange(_LOOK_AHEAD, dtype=np.int64)
        found = np.flatnonzero(account_institutions(self.town, ahead) == institution)
        self._opened += int(found[0]) if len(found) else 0
        return self.opened_account(company=company, old=old)

    def company(self, draws: Draws, carrying: int, *, passed_on: bool = False) -> bool:
        """Whether a company receives the next `carrying` centavos of stolen money."""
        tally = self._carried
        side = draws.one(0, 1000) < COMPANIES_PER_MILLE_OF_VALUE
        known = carrying * self._odds[passed_on]
        tally[0] += known
        due = tally[0] * COMPANIES_PER_MILLE_OF_VALUE
        off = {either: abs((tally[1] + known * either) * 1000 - due) for either in (False, True)}
        if off[side] > tally[0] * _SLACK_PER_MILLE and off[not side] < off[side]:
            side = not side
        tally[1] += known * side
        return side

    def store(self, draws: Draws, carrying: int) -> int:
        """A new account that poses as a merchant for `carrying` centavos."""
        return self.opened_account(company=self.company(draws, carrying))

    def mule(
        self,
        draws: Draws,
        at: int,
        carrying: int,
        *,
        without: Collection[int] = (),
        passed_on: bool = False,
    ) -> int:
        """An account that takes `carrying` centavos at that instant; none of `without`."""
        company = self.company(draws, carrying, passed_on=passed_on)
        day = at // DAY
        alive = [one for one in self._alive.get((day, company), ()) if one not in without]
        if draws.one(0, 1000) < _USED and alive:
            return alive[draws.one(0, len(alive))]
        origin = draws.one(0, 1000)
        account = self.opened_account(company=company, old=origin >= _NEW)
        if origin >= _NEW and not company:
            lent = origin < _LENT
            other = self._person(draws) if lent else int(self.town.outsiders(draws, 1)[0])
            account = account if other in without else other
        life = int(drawn(draws, lognormal(*_LIFE), 1)[0]) // DAY
        for lived in range(min(life, _LIFE_DAYS_MAX) + 1):
            self._alive.setdefault((day + lived, company), []).append(account)
        return account

    def victims(self, draws: Draws, count: int, *, without: int) -> Int64s:
        """`count` persons, the more active the likelier; never the account that is paid."""
        victims = self.town.persons(draws, count)
        return np.where(victims == without, (victims + 1) % self.town.census.persons, victims)

    def victim(self, draws: Draws, *, seniors: bool = False) -> int:
        """One person, each as likely; the second of two drawn if only that one is a senior."""
        first, second = (int(person) for person in draws.below(self.town.census.persons, 2))
        older = self.town.seniors
        return second if seniors and older[second] and not older[first] else first

    def level(self, person: int) -> Int64s:
        """How much above the median that person lives, in thousandths, as an array of one."""
        return self.town.person_levels[person : person + 1].astype(np.int64)

    def _person(self, draws: Draws) -> int:
        return draws.one(0, self.town.census.persons)

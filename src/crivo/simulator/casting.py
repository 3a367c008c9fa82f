"""Casts campaigns: when they happen, who is robbed, and through whose accounts the money leaves."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day

#: Where mules come from, in thousandths: used before, opened for it, lent, or long asleep.
_USED: Final = 250
_OPENED: Final = 650
_LENT: Final = 850
_REMEMBERED: Final = 12


class Casting:
    """Hands out days, victims and accounts to one campaign after the other.

    Mule accounts follow the prior that about half are new and the rest are lent by their holders
    or were dormant; a quarter of the parts go to accounts that served in a recent campaign.
    """

    def __init__(self, town: Town, days: tuple[Day, ...]) -> None:
        self.town = town
        self.turn_to(days)
        self._opened = 0
        self._recent: list[int] = []

    def turn_to(self, days: tuple[Day, ...]) -> None:
        """From now on campaigns happen on these days."""
        self.days = days
        self._day_weights = cumulated(tuple(day.transfers for day in days))

    @property
    def accounts(self) -> int:
        """One more than the greatest account number in use."""
        return self.town.census.first_fraud + self._opened

    @property
    def end(self) -> int:
        """The instant at which the days end."""
        return self.days[-1].end

    def day(self, draws: Draws) -> Day:
        """The day on which a campaign begins: busy days have more."""
        return self.days[int(draws.chosen(self._day_weights, 1)[0])]

    def opened_account(self) -> int:
        """An account opened for this fraud: nobody has paid or been paid through it."""
        self._opened += 1
        return self.accounts - 1

    def mule(self, draws: Draws) -> int:
        """An account that takes the money."""
        origin = draws.one(0, 1000)
        if origin < _USED and self._recent:
            return self._recent[draws.one(0, len(self._recent))]
        if origin < _OPENED:
            account = self.opened_account()
        elif origin < _LENT:
            account = draws.one(0, self.town.census.persons)
        else:
            account = int(self.town.outsiders(draws, 1)[0])
        self._recent = [*self._recent, account][-_REMEMBERED:]
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

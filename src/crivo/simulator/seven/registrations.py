"""When users register: as planned, or an hour before anybody met them, if that is earlier."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.first_uses import NEVER, fraud_accounts_used, opened_for_fraud_at
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.seven.blocks import blocks
from crivo.simulator.seven.holders import Holders
from crivo.simulator.world import World

#: Days since a user registered: log-normal; what lies beyond ten years begins anew.
_AGE_DAYS: Final = (700, 95)
_AGE_DAYS_MAX: Final = 3650
#: Of the users without a transfer, thousandths that register during the world.
_LATE_PER_MILLE: Final = 200


class Registrations:
    """When each user registers, as the days pass and users are met.

    Only who opens an account during the world, or for a fraud, can be met before the plan says: of
    all others it is enough to know that somebody met them.
    """

    def __init__(self, world: World, holders: Holders) -> None:
        self._holders = holders
        self._first_new = world.town.census.first_newcomer
        self._planned = _planned(world, holders)
        self._seen = np.zeros(holders.end, dtype=np.bool_)
        self._first_seen = np.full(holders.first_quiet - self._first_new, NEVER, dtype=np.int64)

    def planned(self, users: Int64s) -> Int64s:
        """When each registers, if nothing happens to them before."""
        return self._planned[users]

    def see(self, users: Int64s, instants: Int64s) -> None:
        """These users pay, are paid or log in at these instants."""
        self._seen[users] = True
        opens = self._opens(users)
        np.minimum.at(self._first_seen, users[opens] - self._first_new, instants[opens])
        assert (instants[~opens] - HOUR >= self._planned[users[~opens]]).all()

    def was_seen(self, users: Int64s) -> Bools:
        """Which of these users were met."""
        return self._seen[users]

    def at(self, users: Int64s) -> Int64s:
        """When each registered: as planned, and an hour before the user was first met at least."""
        at = self._planned[users]
        opens = self._opens(users)
        first = self._first_seen[users[opens] - self._first_new]
        at[opens] = np.minimum(at[opens], first - HOUR)
        return at

    def _opens(self, users: Int64s) -> Bools:
        return (users >= self._first_new) & (users < self._holders.first_quiet)


def _planned(world: World, holders: Holders) -> Int64s:
    """By number the instant planned: five columns of one stream, each drawn in parts."""
    size, begin, count = world.town.census, world.days[0].start, holders.end
    used = fraud_accounts_used(world)
    streams = [Draws(world.options.seed, "registrations") for _ in range(5)]
    for column, stream in enumerate(streams):
        stream.begin_at(column * count)
    of_age, of_day, of_hour, of_late, of_eve = streams
    ages = lognormal(_AGE_DAYS[0] * DAY // 1000, _AGE_DAYS[1])
    planned = np.empty(count, dtype=np.int64)
    for numbers in blocks(0, count):
        some = len(numbers)
        age = np.clip(drawn(of_age, ages, some), 1, None)
        at = begin - DAY - age * 1000 % (_AGE_DAYS_MAX * DAY) // MINUTE * MINUTE
        within = begin + of_day.below(len(world.days), some) * DAY
        within += of_hour.spans(9 * HOUR, 22 * HOUR, some)
        is_late = of_late.chance(_LATE_PER_MILLE, some) & (numbers >= holders.first_quiet)
        at = np.where(is_late, within, at)
        # A newcomer registers on the eve of the day on which the account can first be used.
        opens = begin + (numbers - size.first_newcomer) // size.newcomers_a_day * DAY
        eve = opens - of_eve.spans(0, 15 * HOUR, some)
        is_new = (numbers >= size.first_newcomer) & (numbers < size.first_fraud)
        planned[numbers] = to_milliseconds(np.where(is_new, eve, at))
    mine = np.flatnonzero(used != NEVER)
    accounts = size.first_fraud + mine
    planned[accounts] = opened_for_fraud_at(world.town, accounts, used[mine])
    return planned

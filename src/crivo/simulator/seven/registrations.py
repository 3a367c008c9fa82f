"""When users register: years ago, on the eve of an account's first day, or days before a fraud."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.first_uses import NEVER, fraud_accounts_used, opened_for_fraud_at
from crivo.simulator.openings import newcomers_opened_at, opened_on
from crivo.simulator.seven.blocks import blocks
from crivo.simulator.seven.holders import Holders
from crivo.simulator.world import World

#: Days since a user registered: log-normal; what lies beyond ten years begins anew.
_AGE_DAYS: Final = (700, 95)
_AGE_DAYS_MAX: Final = 3650
#: Of the users without a transfer, thousandths that register during the world.
_LATE_PER_MILLE: Final = 200


class Registrations:
    """When each user registers, and which users are met as the days pass.

    Nobody is met before the day after: accounts open by 23:00, for later days.
    """

    def __init__(self, world: World, holders: Holders) -> None:
        self._at = _registered_at(world, holders)
        self._seen = np.zeros(holders.end, dtype=np.bool_)

    def at(self, users: Int64s) -> Int64s:
        """When each registered."""
        return self._at[users]

    def see(self, users: Int64s, instants: Int64s) -> None:
        """These users pay, are paid or log in at these instants."""
        self._seen[users] = True
        assert (instants - HOUR >= self._at[users]).all()

    def was_seen(self, users: Int64s) -> Bools:
        """Which of these users were met."""
        return self._seen[users]


def _registered_at(world: World, holders: Holders) -> Int64s:
    """By number: three columns of one stream, each drawn in parts."""
    size, begin, count, seed = world.town.census, world.days[0].start, holders.end, world.town.seed
    streams = [Draws(world.options.seed, "registrations") for _ in range(3)]
    for column, stream in enumerate(streams):
        stream.begin_at(column * count)
    of_age, of_day, of_late = streams
    ages = lognormal(_AGE_DAYS[0], _AGE_DAYS[1])
    found = np.empty(count, dtype=np.int64)
    for numbers in blocks(0, count):
        some = len(numbers)
        age = 1 + np.clip(drawn(of_age, ages, some), 1, None) % _AGE_DAYS_MAX
        day = of_day.below(len(world.days), some)
        is_late = of_late.chance(_LATE_PER_MILLE, some) & (numbers >= holders.first_quiet)
        at = opened_on(begin + np.where(is_late, day, -age) * DAY, numbers, seed)
        is_new = (numbers >= size.first_newcomer) & (numbers < size.first_fraud)
        at[is_new] = newcomers_opened_at(world.town, begin, numbers[is_new])
        found[numbers] = at
    used = fraud_accounts_used(world)
    mine = np.flatnonzero(used != NEVER)
    accounts = size.first_fraud + mine
    found[accounts] = opened_for_fraud_at(world.town, accounts, used[mine])
    return found

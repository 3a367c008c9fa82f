"""When accounts are opened, and what is registered with them: one rhythm and one grain for all.

Whoever opens an account, for whatever end, does so at the hours at which people pay, and the
instant is a whole millisecond of its own. No opening is computed from another instant than the
midnight of its date: what lies whole days apart would show in the digits.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR, MINUTE
from crivo.simulator.draws import Int64s, cumulated, mixed
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.people import Town
from crivo.simulator.rhythm import HALF_HOURS

#: None is opened later in the day, so that its keys and devices are there before the day ends.
LAST_HOUR: Final = 23
_HALF_HOUR: Final = HOUR // 2
_CURVE: Final = cumulated(HALF_HOURS[: 2 * LAST_HOUR])
#: Keys, devices and limits of a new account are registered so long after it.
_SETTING_UP: Final = (MINUTE, 10 * MINUTE)

_HIGH: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)


def opened_on(midnights: Int64s | int, numbers: Int64s, seed: int) -> Int64s:
    """When the accounts of these numbers open on the Brasília dates that begin at `midnights`."""
    word = mixed(numbers, seed ^ 0x6F70656E73)
    weight = ((word >> _HIGH) * np.uint64(int(_CURVE[-1])) >> _HIGH).astype(np.int64)
    half_hours = np.searchsorted(_CURVE, weight, side="right").astype(np.int64)
    within = ((word & _LOW) * np.uint64(_HALF_HOUR // MILLISECOND) >> _HIGH).astype(np.int64)
    return midnights + half_hours * _HALF_HOUR + within * MILLISECOND


def midnights_of(instants: Int64s) -> Int64s:
    """The instants at which the Brasília dates of these begin."""
    return np.asarray((instants + BRASILIA_OFFSET) // DAY * DAY - BRASILIA_OFFSET)


def newcomers_opened_at(town: Town, start: int, accounts: Int64s) -> Int64s:
    """When newcomers open, in a world from `start` on: on the eve of the first day of use."""
    size = town.census
    day = (accounts - size.first_newcomer) // size.newcomers_a_day
    return opened_on(start + (day - 1) * DAY, accounts, town.seed)


def set_up_after(numbers: Int64s, salt: int) -> Int64s:
    """For each number the minutes between an opening and what is registered with it."""
    low, high = _SETTING_UP
    word = mixed(numbers, salt) >> _HIGH
    spans = (word * np.uint64((high - low) // MILLISECOND) >> _HIGH).astype(np.int64)
    return low + spans * MILLISECOND

"""What is known of an account besides its habits: age, type, holder, key. Fixed by the seed."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.amounts import lognormal
from crivo.simulator.draws import Int64s, mixed
from crivo.simulator.first_uses import NEVER, fraud_account_uses, opened_for_fraud_at
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.openings import newcomers_opened_at, opened_on, set_up_after
from crivo.simulator.rows import NONE
from crivo.simulator.world import World

#: Codes of account types (current, payment, savings) and their thousandths.
ACCOUNT_TYPES: Final = ("CACC", "TRAN", "SVGS")
_TYPE_STEPS: Final = (520, 930)

PERSON_TYPES: Final = ("NATURAL_PERSON", "LEGAL_PERSON")

#: Days that an account of the town was open before the world began (median, sigma in percent).
_AGE_DAYS: Final = (1100, 80)
_AGE_DAYS_LIMITS: Final = (31, 7000)
#: Thousandths of the town's accounts that were opened less than 90 days before (an assumption).
_YOUNG_PER_MILLE: Final = 60
_YOUNG_DAYS: Final = 90
#: Thousandths of keys that changed their holder's account since they were made (claims).
_MOVED_PER_MILLE: Final = 40


def spread(values: Int64s, salt: int, bound: int) -> Int64s:
    """For each value an integer below the bound, always the same one for the same salt."""
    word = mixed(values, salt) >> np.uint64(32)
    return (word * np.uint64(bound) >> np.uint64(32)).astype(np.int64)


class Accounts:
    """The accounts of one world. Every method maps account numbers to one value each."""

    def __init__(self, world: World) -> None:
        self.town = world.town
        self.count: Final = world.accounts
        self.start: Final = world.days[0].start
        self._salt = world.town.seed * 2 + 1
        used, self.last_used_for_fraud = fraud_account_uses(world)
        self._used_for_fraud = np.where(used == NEVER, self.start, used)

    def opened_at(self, accounts: Int64s) -> Int64s:
        """The instant at which each was opened; before anybody was paid through it."""
        size = self.town.census
        ages = _skewed(accounts, self._salt ^ 0x6F70656E, _AGE_DAYS, _AGE_DAYS_LIMITS)
        young = 1 + spread(accounts, self._salt ^ 0x79, _YOUNG_DAYS - 1)
        is_young = spread(accounts, self._salt ^ 0x6E6577, 1000) < _YOUNG_PER_MILLE
        ages = np.where(is_young, young, ages)
        opened = opened_on(self.start - ages * DAY, accounts, self.town.seed)
        newcomers = np.flatnonzero(
            (accounts >= size.first_newcomer) & (accounts < size.first_fraud)
        )
        opened[newcomers] = newcomers_opened_at(self.town, self.start, accounts[newcomers])
        frauds = np.flatnonzero(accounts >= size.first_fraud)
        numbers = accounts[frauds]
        opened[frauds] = opened_for_fraud_at(
            self.town, numbers, self._used_for_fraud[numbers - size.first_fraud]
        )
        return np.asarray(opened, dtype=np.int64)

    def key_created_at(self, accounts: Int64s, opened_at: Int64s) -> Int64s:
        """When the key was registered: with the account, or in the first tenth of its life."""
        share = spread(accounts, self._salt ^ 0x6B657963, 1000)
        lived = np.maximum(self.start - opened_at, 0) // MILLISECOND
        waited = lived * share * share // 10_000_000 * MILLISECOND
        return opened_at + set_up_after(accounts, self._salt ^ 0x6B6579) + waited

    def key_owned_since(self, accounts: Int64s, created_at: Int64s) -> Int64s:
        """When the key came to this account: its creation, except where it was claimed since."""
        moved = spread(accounts, self._salt ^ 0x6F776E65, 1000) < _MOVED_PER_MILLE
        later = spread(accounts, self._salt ^ 0x636C6169, 1000)
        lived = np.maximum(self.start - created_at, 0) // MILLISECOND
        return np.where(moved, created_at + lived * later // 1000 * MILLISECOND, created_at)

    def types(self, accounts: Int64s) -> Int64s:
        """Places in ACCOUNT_TYPES."""
        return np.searchsorted(
            _TYPE_STEPS, spread(accounts, self._salt ^ 0x74797065, 1000), side="right"
        ).astype(np.int64)

    def siblings(self, accounts: Int64s) -> Int64s:
        """The other account of the same person, or NONE."""
        size = self.town.census
        seconds = accounts - size.first_second
        is_second = (seconds >= 0) & (accounts < size.first_newcomer)
        is_person = accounts < size.persons
        second = self.town.second_accounts(np.where(is_person, accounts, 1))
        return np.where(is_second, seconds * 5, np.where(is_person, second, NONE))

    def persons(self, accounts: Int64s) -> Int64s:
        """The least account number of the same person: who holds the account."""
        siblings = self.siblings(accounts)
        return np.where(siblings == NONE, accounts, np.minimum(accounts, siblings))


def _skewed(
    accounts: Int64s, salt: int, median_and_sigma: tuple[int, int], limits: tuple[int, int]
) -> Int64s:
    table = lognormal(*median_and_sigma)
    return np.clip(table[spread(accounts, salt, len(table) - 1)], *limits)

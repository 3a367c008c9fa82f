"""Claims of keys: a telephone number has a new owner, or a person takes a key to another bank.

Whoever looks a key up after its claim was completed finds the account that has it then; whoever
lost a key gives out the random one. Each account takes part in one claim at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.claim import ClaimReason, ClaimType
from crivo.domain.instant import DAY, MINUTE, SECOND
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.lettering import Names
from crivo.simulator.naming import PHONE, RANDOM, key_kinds, keys
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows

TYPES: Final = tuple(ClaimType)
REASONS: Final = tuple(ClaimReason)

#: Persons in 100,000 and day whose key somebody would claim, of which a quarter can be claimed: six
#: claims a month for a thousand persons (an assumption).
_WOULD_OF_100_000: Final = 80
#: By type, thousandths that are cancelled, and of these, those that were tried for fraud (assumed).
_CANCELLED_PER_MILLE: Final = {ClaimType.OWNERSHIP: 450, ClaimType.PORTABILITY: 200}
_FRAUD_PER_MILLE: Final = 120
#: Thousandths of donors who never answer: after seven days the claim goes on without them.
_SILENT_PER_MILLE: Final = 250
_ANSWER_MAX: Final = 7 * DAY
_NOTED_AFTER: Final = (SECOND, 60 * SECOND)
_ANSWERED_AFTER: Final = (10 * MINUTE, _ANSWER_MAX)
_COMPLETED_AFTER: Final = (MINUTE, 30 * MINUTE)

#: When the key of a claim that is cancelled moves.
_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class KeyClaims:
    """The claims of a world, by donor: the account that had the key, and the one that claims it."""

    seed: int
    donors: Int64s
    claimers: Int64s
    types: Int64s  # place in TYPES
    opened_at: Int64s
    noted_at: Int64s
    ended_at: Int64s  # when it was confirmed or cancelled
    reasons: Int64s  # place in REASONS: why that
    moved_at: Int64s  # when it was completed, or the greatest integer
    by_claimer: Int64s  # places of the claims, by claimer

    def during(self, day: Day) -> Int64s:
        """The places of the claims that are opened on that day or shift, by donor."""
        return np.flatnonzero((self.opened_at >= day.start) & (self.opened_at < day.end))

    def names(self, accounts: Int64s, by_code: Bools, at: Int64s) -> Names:
        """The key by which each account is paid at that instant."""
        lost, _ = self._found(self.donors, None, accounts, at)
        owners, _ = self.owners(accounts, by_code, at)
        return keys(self.seed, owners, by_code | (lost & (owners == accounts)))

    def owners(self, accounts: Int64s, by_code: Bools, at: Int64s) -> tuple[Int64s, Int64s]:
        """The account that had each account's key first, and the claim that moved it, or -1."""
        got, place = self._found(self.claimers, self.by_claimer, accounts, at)
        got &= ~by_code
        if not got.any():
            return accounts, np.full(len(accounts), -1, dtype=np.int64)
        return np.where(got, self.donors[place], accounts), np.where(got, place, -1)

    def open_since(self, accounts: Int64s, by_code: Bools, at: Int64s) -> Int64s:
        """When the claim was opened that is open at each instant on the key given out, or -1."""
        if len(self.donors) == 0:
            return np.full(len(accounts), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.donors, accounts), len(self.donors) - 1)
        cancelled = self.moved_at[place] == _NEVER
        until = np.where(cancelled, self.ended_at[place], self.moved_at[place])
        is_open = (self.donors[place] == accounts) & (self.noted_at[place] <= at) & (at < until)
        return np.where(is_open & ~by_code, self.opened_at[place], -1)

    def _found(
        self, numbers: Int64s, order: Int64s | None, accounts: Int64s, at: Int64s
    ) -> tuple[Bools, Int64s]:
        """Which accounts are among these numbers of claims that were completed, and where."""
        if len(numbers) == 0:
            nothing = np.zeros(len(accounts), dtype=np.int64)
            return nothing.astype(np.bool_), nothing
        place = np.searchsorted(numbers, accounts, sorter=order)
        place = np.minimum(place, len(numbers) - 1)
        claim = place if order is None else order[place]
        found = (numbers[claim] == accounts) & (self.moved_at[claim] <= at)
        return np.asarray(found, dtype=np.bool_), np.asarray(claim, dtype=np.int64)


def claim_keys(town: Town, seed: int, days: tuple[Day, ...], frauds: Rows) -> KeyClaims:
    """The claims of a town over these days; nobody takes part who received stolen money.

    Source: DICT API 2.12 (claims): ownership of telephones, portability of keys that are no random
    ones, seven days to answer. Res. BCB 506/2025: whoever is marked claims nothing.
    """
    draws = Draws(seed, "key claims")
    size = town.census
    persons = draws.shuffled(np.arange(size.persons, dtype=np.int64))
    persons = persons[~np.isin(persons, frauds["payee"])]
    would = min(size.persons * len(days) * _WOULD_OF_100_000 // 100_000, len(persons) // 2)
    donors, others = persons[:would], persons[would : 2 * would]
    seconds = town.second_accounts(donors)
    kinds = key_kinds(seed, donors)
    carried = (seconds >= 0) & (kinds != RANDOM)
    lost = (seconds < 0) & (kinds == PHONE)
    chosen = np.flatnonzero(carried | lost)
    chosen = chosen[np.argsort(donors[chosen], kind="stable")]
    count = len(chosen)
    types = np.where(
        carried[chosen], TYPES.index(ClaimType.PORTABILITY), TYPES.index(ClaimType.OWNERSHIP)
    )
    claimers = np.where(carried, seconds, others)[chosen]
    opened_at = days[0].start + draws.below(len(days), count) * DAY + draws.spans(0, DAY, count)
    noted_at = opened_at + draws.spans(*_NOTED_AFTER, count)
    cancelled = draws.chance(
        np.asarray([_CANCELLED_PER_MILLE[one] for one in TYPES], dtype=np.int64)[types], count
    )
    silent = ~cancelled & draws.chance(_SILENT_PER_MILLE, count)
    answered = noted_at + draws.spans(*_ANSWERED_AFTER, count)
    ended_at = np.where(silent, noted_at + _ANSWER_MAX, answered)
    tried = cancelled & draws.chance(_FRAUD_PER_MILLE, count)
    reasons = np.select(
        [tried, silent],
        [REASONS.index(ClaimReason.FRAUD), REASONS.index(ClaimReason.DEFAULT_OPERATION)],
        REASONS.index(ClaimReason.USER_REQUESTED),
    )
    moved_at = ended_at + draws.spans(*_COMPLETED_AFTER, count)
    return KeyClaims(
        seed=seed,
        donors=donors[chosen],
        claimers=claimers,
        types=types,
        opened_at=opened_at,
        noted_at=noted_at,
        ended_at=ended_at,
        reasons=reasons,
        moved_at=np.where(cancelled, _NEVER, moved_at),
        by_claimer=np.argsort(claimers, kind="stable"),
    )

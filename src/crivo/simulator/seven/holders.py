"""Who holds the accounts of a world: the users, whom the other six tables point at.

A user is numbered like the account they hold; a second account belongs to the person who has the
first. Users without a transfer in the world fill the register up to its size: they hold keys and
devices, have limits and log in, but neither pay nor are paid. Whatever follows from a number is
worked out where it is asked for, so that a register of millions needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.synthetic import CNPJ_ROOTS
from crivo.simulator.draws import Bools, Int32s, Int64s
from crivo.simulator.first_uses import NEVER, fraud_accounts_used
from crivo.simulator.lettering import Names, digits, permuted, prefixed, spread
from crivo.simulator.options import USERS_OF_SCALE
from crivo.simulator.people import Town, is_legal_person
from crivo.simulator.seven.blocks import blocks
from crivo.simulator.seven.tax_ids import cnpjs, cpfs
from crivo.simulator.world import World

#: Of the users without a transfer, thousandths that are companies: a tenth of all who hold keys
#: (official).
_COMPANIES_PER_MILLE: Final = 100
_CPF_BLOCK: Final = 10**7


@dataclass(frozen=True, slots=True)
class Identities:
    """Who holds each account, and their tax ids."""

    seed: int
    first_second: int
    seconds: int
    companies: Int32s  # the numbers of the users that are one, rising

    def of(self, accounts: Int64s) -> Int64s:
        """The user who holds each account."""
        second = accounts - self.first_second
        return np.where((second >= 0) & (second < self.seconds), second * 5, accounts)

    def is_company(self, users: Int64s) -> Bools:
        """Which of these users are a company or a public office."""
        return is_among(self.companies, users)

    def tax_ids(self, users: Int64s) -> Names:
        """`cpf_cnpj`: eleven digits of a person, fourteen of a company."""
        is_company = self.is_company(users)
        people, companies = np.flatnonzero(~is_company), np.flatnonzero(is_company)
        places = np.searchsorted(self.companies, users[companies].astype(np.int32))
        numbers = np.zeros(len(users), dtype="S14")
        numbers[people] = cpfs(_hidden(self.seed, users[people], _CPF_BLOCK))
        numbers[companies] = cnpjs(_hidden(self.seed, places.astype(np.int64), CNPJ_ROOTS))
        return numbers


@dataclass(frozen=True, slots=True)
class Holders(Identities):
    """The users and their accounts: numbers below `end`, less those that no fraud came to use.

    The place of an account among those that somebody holds is its number less the unused ones
    below it.
    """

    first_fraud: int
    first_quiet: int  # from here on users have no transfer
    end: int
    for_fraud: Int32s  # the numbers of the accounts that frauds use, rising

    @property
    def accounts_held(self) -> int:
        """How many accounts somebody holds."""
        return self.first_fraud + len(self.for_fraud) + self.end - self.first_quiet

    @property
    def count(self) -> int:
        """How many users there are."""
        return self.accounts_held - self.seconds

    def accounts(self) -> Iterator[Int64s]:
        """The accounts that somebody holds, rising, in blocks."""
        yield from blocks(0, self.first_fraud)
        for mine in blocks(0, len(self.for_fraud)):
            yield self.for_fraud[mine].astype(np.int64)
        yield from blocks(self.first_quiet, self.end)

    def users(self) -> Iterator[Int64s]:
        """The users' numbers, rising, in blocks: accounts that are nobody's second one."""
        for accounts in self.accounts():
            mine = accounts[self.of(accounts) == accounts]
            if len(mine):
                yield mine

    def places(self, accounts: Int64s) -> Int64s:
        """The place of each account among those that somebody holds."""
        used = np.searchsorted(self.for_fraud, accounts.astype(np.int32))
        quiet = accounts - self.first_quiet + self.first_fraud + len(self.for_fraud)
        found = np.where(accounts < self.first_quiet, self.first_fraud + used, quiet)
        return np.where(accounts < self.first_fraud, accounts, found)

    def at(self, places: Int64s) -> Int64s:
        """The accounts at these places."""
        used = places - self.first_fraud
        quiet = used - len(self.for_fraud)
        found = self.first_quiet + quiet
        is_used = (used >= 0) & (quiet < 0)
        found[is_used] = self.for_fraud[used[is_used]]
        return np.where(used < 0, places, found)

    def ids(self, users: Int64s) -> Names:
        """`id_usuario`: U and ten digits that hide the number."""
        return prefixed(b"U", digits(permuted(self.seed + 2, users, 10**10), 10))


def is_among(numbers: Int32s, asked: Int64s) -> Bools:
    """Which of these are among the rising numbers."""
    if not len(numbers):
        return np.zeros(len(asked), dtype=np.bool_)
    narrow = asked.astype(np.int32)
    places = np.minimum(np.searchsorted(numbers, narrow), len(numbers) - 1)
    return np.asarray(numbers[places] == narrow)


def identify(world: World) -> Identities:
    """Who holds the accounts of a world, without the users who have none: as `hold` says, too."""
    size, used = world.town.census, _used_for_fraud(world)
    return Identities(
        seed=world.options.seed,
        first_second=size.first_second,
        seconds=size.seconds,
        companies=_companies(world.town, used),
    )


def hold(world: World) -> Holders:
    """The users of a world: as many as its scale says, or as hold accounts, if they are more.

    Of the numbers set aside for frauds only those are users whose accounts money reaches or leaves.
    """
    size, seed, used = world.town.census, world.options.seed, _used_for_fraud(world)
    wanted = int(world.options.scale * USERS_OF_SCALE)
    missing = max(0, wanted - (size.first_fraud - size.seconds + len(used)))
    quiet = [
        numbers[spread(numbers, seed ^ 0x706A) % 1000 < _COMPANIES_PER_MILLE].astype(np.int32)
        for numbers in blocks(world.accounts, world.accounts + missing)
    ]
    return Holders(
        seed=seed,
        first_second=size.first_second,
        seconds=size.seconds,
        companies=np.concatenate([_companies(world.town, used), *quiet]),
        first_fraud=size.first_fraud,
        first_quiet=world.accounts,
        end=world.accounts + missing,
        for_fraud=used,
    )


def _used_for_fraud(world: World) -> Int32s:
    used = np.flatnonzero(fraud_accounts_used(world) != NEVER)
    return (world.town.census.first_fraud + used).astype(np.int32)


def _companies(town: Town, used_for_fraud: Int32s) -> Int32s:
    """Of the accounts with a transfer those that a company or a public office holds."""
    parts = [*blocks(0, town.census.first_fraud), used_for_fraud.astype(np.int64)]
    return np.concatenate([one[is_legal_person(town, one)].astype(np.int32) for one in parts])


def _hidden(seed: int, numbers: Int64s, block: int) -> Int64s:
    """Other numbers that stay different: permuted within blocks of a power of ten."""
    return numbers // block * block + permuted(seed + 3, numbers % block, block)

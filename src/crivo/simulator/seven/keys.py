"""The register of keys: how many of each type, whose they are, and which one a transfer names.

Every account has a key, and as many have a second, a random one, as the register is longer than the
list of accounts. The types are shared out by quota, so that their mix is the official one of
October 2025 at any size: EVP 50.7 %, telephone 17.1, CPF 15.9, e-mail 14.6, CNPJ 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.simulator.draws import Bools, Int32s, Int64s
from crivo.simulator.lettering import Names, spread
from crivo.simulator.naming import phones, random_keys
from crivo.simulator.options import TRANSFERS_OF_SCALE
from crivo.simulator.seven.holders import Holders
from crivo.simulator.seven.names import mail_addresses
from crivo.simulator.seven.words import KeyKind
from crivo.simulator.world import World

#: Keys at scale 1.
KEYS_OF_SCALE: Final = TRANSFERS_OF_SCALE // 2
#: Thousandths of the keys, those that not everybody may have first; the rest are random keys.
MIX: Final = {KeyKind.CNPJ: 16, KeyKind.CPF: 159, KeyKind.PHONE: 171, KeyKind.EMAIL: 146}
KINDS: Final = tuple(KeyKind)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys: first one of each account, in their order, then the second ones.

    Names are made where they are asked for: two and a half million would take 140 MB.
    """

    holders: Holders
    accounts: Int32s  # of each key
    kinds: npt.NDArray[np.int8]  # place in KINDS
    first: Int32s  # by account number the place of its first key
    second: Int32s  # by account number the place of its second key, or its only one again

    def names(self, places: Int64s) -> Names:
        """The keys at these places."""
        accounts = self.accounts[places].astype(np.int64)
        return key_names(self.holders, accounts, self.kinds[places], places)

    def of(self, accounts: Int64s, by_code: Bools) -> Int64s:
        """The place of the key that a payment to (or from) each account names.

        A code holds the random key where there is one; people give out the other.
        """
        given = self.first[accounts].astype(np.int64)
        is_random = self.kinds[given] == KINDS.index(KeyKind.RANDOM)
        return np.where(by_code & ~is_random, self.second[accounts], given)


def issue(world: World, holders: Holders) -> Keys:
    """The keys of a world: as many as its scale says, or as there are accounts, if more."""
    owners, kinds, second = register(world, holders)
    first = np.zeros(holders.end, dtype=np.int32)
    first[holders.accounts] = np.arange(len(holders.accounts))
    return Keys(holders, owners.astype(np.int32), kinds, first, second)


def register(world: World, holders: Holders) -> tuple[Int64s, npt.NDArray[np.int8], Int32s]:
    """Accounts, kinds and second keys as in Keys, without the names: a byte or two a key."""
    accounts = holders.accounts
    wanted = max(int(world.options.scale * KEYS_OF_SCALE), len(accounts))
    first_kinds = _first_kinds(holders, wanted)
    seconds = _have_second(holders, wanted - len(accounts), first_kinds)
    second = np.zeros(holders.end, dtype=np.int32)
    second[accounts] = np.arange(len(accounts))
    second[seconds] = len(accounts) + np.arange(len(seconds))
    kinds = np.full(wanted, KINDS.index(KeyKind.RANDOM), dtype=np.int8)
    kinds[: len(accounts)] = first_kinds
    return np.concatenate([accounts, seconds]), kinds, second


def _first_kinds(holders: Holders, wanted: int) -> npt.NDArray[np.int8]:
    """Of each account the type of its first key: quotas over the accounts in a drawn order."""
    accounts = holders.accounts
    is_company = holders.is_company[accounts]
    # A second account, elsewhere, has a random key: the others are bound to the first.
    is_second = holders.of(accounts) != accounts
    order = np.argsort(spread(accounts, holders.seed ^ 0x636861), kind="stable")
    kinds = np.full(len(accounts), KINDS.index(KeyKind.RANDOM), dtype=np.int8)
    for kind, per_mille in MIX.items():
        free = ~is_second & (kinds == KINDS.index(KeyKind.RANDOM))
        if kind is KeyKind.CNPJ:
            free &= is_company
        if kind is KeyKind.CPF:
            free &= ~is_company
        kinds[order[free[order]][: wanted * per_mille // 1000]] = KINDS.index(kind)
    return kinds


def _have_second(holders: Holders, count: int, kinds: npt.NDArray[np.int8]) -> Int64s:
    """`count` accounts with a second key: companies that take codes first, then anyone by draw."""
    accounts = holders.accounts
    has_random = kinds == KINDS.index(KeyKind.RANDOM)
    drawn = spread(accounts, holders.seed ^ 0x736567)
    is_company = holders.is_company[accounts]
    rank = np.where(is_company & ~has_random, 0, np.where(has_random, 2, 1))
    return accounts[np.sort(np.lexsort((drawn, rank))[:count])]


def key_names(
    holders: Holders, accounts: Int64s, kinds: npt.NDArray[np.int8], places: Int64s
) -> Names:
    """The keys of those kinds that belong to those accounts, at those places of the register."""
    seed, users = holders.seed, holders.of(accounts)
    names = np.empty(len(accounts), dtype="S56")
    for kind in KeyKind:
        mine = kinds == KINDS.index(kind)
        match kind:
            case KeyKind.RANDOM:
                names[mine] = random_keys(seed, places[mine])
            case KeyKind.PHONE:
                names[mine] = phones(seed, users[mine])
            case KeyKind.EMAIL:
                names[mine] = mail_addresses(seed, users[mine], holders.is_company[users[mine]])
            case KeyKind.CPF | KeyKind.CNPJ:
                names[mine] = holders.tax_ids(users[mine])
    return names

"""The register of keys: how many of each type, whose they are, and which one a transfer names.

Every account has a key, and as many have a second, a random one, as the register is longer than the
list of accounts. The types are shared out by quota, so that their mix is the official one of
October 2025 at any size: EVP 50.7 %, telephone 17.1, CPF 15.9, e-mail 14.6, CNPJ 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from crivo.simulator.draws import Bools, Int8s, Int32s, Int64s
from crivo.simulator.lettering import Names, spread
from crivo.simulator.naming import phones, random_keys
from crivo.simulator.options import TRANSFERS_OF_SCALE
from crivo.simulator.seven.blocks import NOBODY, least
from crivo.simulator.seven.holders import Holders, is_among
from crivo.simulator.seven.names import mail_addresses
from crivo.simulator.seven.words import KeyKind
from crivo.simulator.world import World

#: Keys at scale 1.
KEYS_OF_SCALE: Final = TRANSFERS_OF_SCALE // 2
#: Thousandths of the keys, those that not everybody may have first; the rest are random keys.
MIX: Final = {KeyKind.CNPJ: 16, KeyKind.CPF: 159, KeyKind.PHONE: 171, KeyKind.EMAIL: 146}
KINDS: Final = tuple(KeyKind)
_RANDOM: Final = KINDS.index(KeyKind.RANDOM)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys: first one of each account, in their order, then the second ones, all random.

    Names are made where they are asked for: two and a half million would take 140 MB.
    """

    holders: Holders
    first_kinds: Int8s  # place in KINDS, of each account's first key
    have_second: Int32s  # the accounts that have a second key, rising

    @property
    def count(self) -> int:
        """How many keys there are."""
        return len(self.first_kinds) + len(self.have_second)

    def names(self, places: Int64s) -> Names:
        """The keys at these places."""
        return key_names(self.holders, self.users(places), self.kinds(places), places)

    def kinds(self, places: Int64s) -> Int8s:
        """Their types, as places in KINDS."""
        firsts = len(self.first_kinds)
        kinds = self.first_kinds[np.minimum(places, firsts - 1)]
        return np.where(places < firsts, kinds, np.int8(_RANDOM))

    def accounts(self, places: Int64s) -> Int64s:
        """The account that each belongs to."""
        second = places - len(self.first_kinds)
        found = self.holders.at(np.minimum(places, len(self.first_kinds) - 1))
        is_second = second >= 0
        found[is_second] = self.have_second[second[is_second]]
        return found

    def users(self, places: Int64s) -> Int64s:
        """Who holds each."""
        return self.holders.of(self.accounts(places))

    def of(self, accounts: Int64s, by_code: Bools) -> Int64s:
        """The place of the key that a payment to (or from) each account names.

        A code holds the random key where there is one; people give out the other.
        """
        given = self.holders.places(accounts)
        asks = by_code & (self.first_kinds[given] != _RANDOM)
        asks &= is_among(self.have_second, accounts)
        second = np.searchsorted(self.have_second, accounts.astype(np.int32))
        return np.where(asks, len(self.first_kinds) + second, given)


def issue(world: World, holders: Holders) -> Keys:
    """The keys of a world: as many as its scale says, or as there are accounts, if more."""
    wanted = max(int(world.options.scale * KEYS_OF_SCALE), holders.accounts_held)
    kinds = np.full(holders.accounts_held, _RANDOM, dtype=np.int8)
    for kind, per_mille in MIX.items():
        free = _Free(holders, kinds, kind)
        chosen = least(free.drawn, wanted * per_mille // 1000)
        for places, accounts in free.blocks():
            mine = chosen.of(free.draw(accounts), accounts)
            kinds[places[mine]] = KINDS.index(kind)
    seconds = _have_second(holders, kinds, wanted - holders.accounts_held)
    return Keys(holders, kinds, seconds)


@dataclass(frozen=True, slots=True)
class _Free:
    """The accounts that may have a first key of that kind and have none other, by their draws."""

    holders: Holders
    kinds: Int8s
    kind: KeyKind

    def blocks(self) -> Iterator[tuple[Int64s, Int64s]]:
        """Their places, and their numbers."""
        for places, accounts in _placed(self.holders):
            # A second account, elsewhere, has a random key: the others are bound to the first.
            free = (self.holders.of(accounts) == accounts) & (self.kinds[places] == _RANDOM)
            if self.kind in {KeyKind.CNPJ, KeyKind.CPF}:
                is_company = self.holders.is_company(accounts)
                free &= is_company if self.kind is KeyKind.CNPJ else ~is_company
            yield places[free], accounts[free]

    def drawn(self) -> Iterator[tuple[Int64s, Int64s]]:
        """Their draws, and their numbers."""
        for _, accounts in self.blocks():
            yield self.draw(accounts), accounts

    def draw(self, accounts: Int64s) -> Int64s:
        """The draw of each account."""
        return spread(accounts, self.holders.seed ^ 0x636861)


def _have_second(holders: Holders, kinds: Int8s, count: int) -> Int32s:
    """`count` accounts with a second key: companies that take codes first, then anyone by draw."""
    chosen = [NOBODY] * 3
    missing = count

    def ranked(rank: int) -> Iterator[tuple[Int64s, Int64s]]:
        for places, accounts in _placed(holders):
            mine = accounts[_rank(holders, kinds[places], accounts) == rank]
            yield spread(mine, holders.seed ^ 0x736567), mine

    for rank in range(len(chosen)):
        chosen[rank] = least(partial(ranked, rank), missing)
        missing -= sum(len(accounts) for _, accounts in ranked(rank))
    found = []
    for places, accounts in _placed(holders):
        draw, ranks = (
            spread(accounts, holders.seed ^ 0x736567),
            _rank(holders, kinds[places], accounts),
        )
        mine = np.select(
            [ranks == rank for rank in range(len(chosen))],
            [one.of(draw, accounts) for one in chosen],
            default=False,
        )
        found.append(accounts[mine].astype(np.int32))
    return np.concatenate(found)


def _rank(holders: Holders, kinds: Int8s, accounts: Int64s) -> Int64s:
    """Who comes first to a second key: 0 companies without a random one, 1 others, 2 the rest."""
    is_company = holders.is_company(accounts)
    return np.where(kinds == _RANDOM, 2, np.where(is_company, 0, 1))


def _placed(holders: Holders) -> Iterator[tuple[Int64s, Int64s]]:
    """The places and numbers of the accounts, in blocks."""
    place = 0
    for accounts in holders.accounts():
        yield np.arange(place, place + len(accounts)), accounts
        place += len(accounts)


def key_names(holders: Holders, users: Int64s, kinds: Int8s, places: Int64s) -> Names:
    """The keys of those kinds that belong to those users, at those places of the register."""
    seed = holders.seed
    names = np.empty(len(users), dtype="S56")
    for kind in KeyKind:
        mine = kinds == KINDS.index(kind)
        match kind:
            case KeyKind.RANDOM:
                names[mine] = random_keys(seed, places[mine])
            case KeyKind.PHONE:
                names[mine] = phones(seed, users[mine])
            case KeyKind.EMAIL:
                names[mine] = mail_addresses(seed, users[mine], holders.is_company(users[mine]))
            case KeyKind.CPF | KeyKind.CNPJ:
                names[mine] = holders.tax_ids(users[mine])
    return names

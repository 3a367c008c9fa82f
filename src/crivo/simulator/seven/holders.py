"""Who holds the accounts of a world: the users, whom the other six tables point at.

A user is numbered like the account they hold; a second account belongs to the person who has the
first. Users without a transfer in the world fill the register up to its size: they hold keys and
devices, have limits and log in, but neither pay nor are paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import DAY, HOUR, MINUTE
from crivo.domain.synthetic import CNPJ_ROOTS
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.draws import Bools, Draws, Int32s, Int64s
from crivo.simulator.first_uses import first_uses, opened_for_fraud_at
from crivo.simulator.grain import to_milliseconds
from crivo.simulator.lettering import Names, digits, permuted, prefixed, spread
from crivo.simulator.options import USERS_OF_SCALE
from crivo.simulator.people import is_legal_person
from crivo.simulator.seven.tax_ids import cnpjs, cpfs
from crivo.simulator.world import World

#: Days since a user registered: log-normal; what lies beyond ten years begins anew.
_AGE_DAYS: Final = (700, 95)
_AGE_DAYS_MAX: Final = 3650
#: Of the users without a transfer, thousandths that register during the world.
_LATE_PER_MILLE: Final = 200
#: Of them, thousandths that are companies: a tenth of all who hold keys (official).
_COMPANIES_PER_MILLE: Final = 100
_CPF_BLOCK: Final = 10**7
_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Identities:
    """Who holds each account, and their tax ids. Arrays have a place for each user's number."""

    seed: int
    is_company: Bools
    companies: Int32s  # the place of each among the companies
    first_second: int
    seconds: int

    def of(self, accounts: Int64s) -> Int64s:
        """The user who holds each account."""
        second = accounts - self.first_second
        return np.where((second >= 0) & (second < self.seconds), second * 5, accounts)

    def tax_ids(self, users: Int64s) -> Names:
        """`cpf_cnpj`: eleven digits of a person, fourteen of a company."""
        companies = self.companies[users].astype(np.int64)
        return np.where(
            self.is_company[users],
            cnpjs(_hidden(self.seed, np.maximum(companies, 0), CNPJ_ROOTS)),
            cpfs(_hidden(self.seed, users, _CPF_BLOCK)),
        )


@dataclass(frozen=True, slots=True)
class Holders(Identities):
    """The users; arrays have a place for each number below `end`, and `numbers` are the users'.

    `accounts` are the numbers of all accounts that somebody holds: the users' and second ones.
    """

    end: int
    accounts: Int64s
    numbers: Int64s
    planned_at: Int64s  # when each registers, if nothing happens to them before

    def ids(self, users: Int64s) -> Names:
        """`id_usuario`: U and ten digits that hide the number."""
        return prefixed(b"U", digits(permuted(self.seed + 2, users, 10**10), 10))

    def registered_at(self, users: Int64s, first_seen: Int64s) -> Int64s:
        """When each registered: as planned, and an hour before the first transfer at least.

        `first_seen` has an instant for each number, or the greatest integer where there is none.
        """
        return np.minimum(self.planned_at[users], first_seen[users] - HOUR)


def no_instants(count: int) -> Int64s:
    """Room for `count` first instants, none of them seen yet."""
    return np.full(count, _NEVER, dtype=np.int64)


def see_first(first: Int64s, places: Int64s, instants: Int64s) -> None:
    """Lowers the first instant of each place to the least of its instants."""
    np.minimum.at(first, places, instants)


def was_seen(first: Int64s) -> Bools:
    """Which places have an instant."""
    return np.asarray(first != _NEVER)


def identify(world: World) -> Identities:
    """Who holds the accounts of a world, without the users who have none: as `hold` says, too."""
    size = world.town.census
    everyone = np.arange(world.accounts, dtype=np.int64)
    has_account = (everyone < size.first_fraud) | was_seen(first_uses(world))
    is_company = has_account & is_legal_person(world.town, everyone)
    return Identities(
        seed=world.options.seed,
        is_company=is_company,
        companies=_places(is_company),
        first_second=size.first_second,
        seconds=size.seconds,
    )


def hold(world: World) -> Holders:
    """The users of a world: as many as its scale says, or as hold accounts, if they are more.

    Of the numbers set aside for frauds only those are users whose accounts money reaches or leaves.
    """
    size, seed = world.town.census, world.options.seed
    used = first_uses(world)
    everyone = np.arange(world.accounts, dtype=np.int64)
    has_account = (everyone < size.first_fraud) | was_seen(used)
    is_second = (everyone >= size.first_second) & (everyone < size.first_newcomer)
    wanted = int(world.options.scale * USERS_OF_SCALE)
    missing = max(0, wanted - int((has_account & ~is_second).sum()))
    everyone = np.arange(world.accounts + missing, dtype=np.int64)
    quiet = everyone >= world.accounts
    has_account = np.concatenate([has_account, np.ones(missing, dtype=np.bool_)])
    is_second = np.concatenate([is_second, np.zeros(missing, dtype=np.bool_)])
    used = np.concatenate([used, no_instants(missing)])
    draw = spread(everyone, seed ^ 0x706A) % 1000
    of_town = is_legal_person(world.town, everyone)
    is_company = has_account & np.where(quiet, draw < _COMPANIES_PER_MILLE, of_town)
    return Holders(
        seed=seed,
        end=len(everyone),
        accounts=everyone[has_account],
        numbers=everyone[has_account & ~is_second],
        is_company=is_company,
        companies=_places(is_company),
        planned_at=_planned(world, everyone, quiet, used),
        first_second=size.first_second,
        seconds=size.seconds,
    )


def _places(chosen: Bools) -> Int32s:
    """For each number how many are chosen up to it, less one."""
    return np.asarray(np.cumsum(chosen, dtype=np.int32) - np.int32(1), dtype=np.int32)


def _hidden(seed: int, numbers: Int64s, block: int) -> Int64s:
    """Other numbers that stay different: permuted within blocks of a power of ten."""
    return numbers // block * block + permuted(seed + 3, numbers % block, block)


def _planned(world: World, everyone: Int64s, quiet: Bools, used: Int64s) -> Int64s:
    size, begin = world.town.census, world.days[0].start
    draws = Draws(world.options.seed, "registrations")
    count = len(everyone)
    age = np.clip(drawn(draws, lognormal(_AGE_DAYS[0] * DAY // 1000, _AGE_DAYS[1]), count), 1, None)
    planned = begin - DAY - age * 1000 % (_AGE_DAYS_MAX * DAY) // MINUTE * MINUTE
    within = begin + draws.below(len(world.days), count) * DAY
    within += draws.spans(9 * HOUR, 22 * HOUR, count)
    planned = np.where(quiet & draws.chance(_LATE_PER_MILLE, count), within, planned)
    # A newcomer registers on the eve of the day on which the account can first be used.
    opens = begin + (everyone - size.first_newcomer) // size.newcomers_a_day * DAY
    eve = opens - draws.spans(0, 15 * HOUR, count)
    is_new = (everyone >= size.first_newcomer) & (everyone < size.first_fraud)
    planned = np.where(is_new, eve, planned)
    for_fraud = (everyone >= size.first_fraud) & was_seen(used)
    opened = opened_for_fraud_at(world.town, everyone, np.where(for_fraud, used, begin))
    return to_milliseconds(np.where(for_fraud, opened, planned))

"""The companies of a town: at which institution each one is, and whom it pays again and again.

A town has few companies, and of the money that they pay each other few have most. Were it luck at
which institution the largest are, towns would differ by several points in how much money stays
inside one. So both are drawn by quota, in proportion to what each company moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.simulator.draws import Draws, Int64s, cumulated
from crivo.simulator.institutions import SHARES
from crivo.simulator.quota import places_by_weight

#: Columns of a company's partners.
PARTNERS: Final = 6
#: Of the money of companies thousandths that stay inside an institution. Persons' payments do so as
#: often as two customers drawn at random, some 8.6 in a hundred; with this, 15 % of all money does,
#: which is the official figure of 2026.
_INSIDE_PER_MILLE: Final = 215


@dataclass(frozen=True, slots=True)
class Partners:
    """By company (from 0) its partners, also companies: the first `inside` are of its own bank."""

    places: Int64s  # companies x PARTNERS
    inside: Int64s

    def paid(self, draws: Draws, payers: Int64s, amounts: Int64s) -> Int64s:
        """For each payment one of its payer's partners, each as likely as the other.

        Whether it is one of the payer's bank is a quota along the amounts: half of all money lies
        in a few large payments.
        """
        inside = self.inside[payers]
        per_mille = (1000 * inside + PARTNERS // 2) // PARTNERS
        stays = draws.quota_along(np.argsort(-amounts, kind="stable"), per_mille)
        first = np.where(stays, 0, inside)
        choices = np.where(stays, inside, PARTNERS - inside)
        return np.asarray(self.places[payers, first + draws.below_each(choices)])


def banks_by_quota(draws: Draws, visits: Int64s) -> Int64s:
    """The place in ISPBS of each company's institution.

    Of all visits each institution's companies have its market share, up to half a company's.
    """
    places = (places_by_weight(draws, visits) >> np.uint64(32)).astype(np.int64)
    reached = cumulated(SHARES)
    spread = places * int(reached[-1]) >> 32
    return np.searchsorted(reached, spread, side="right").astype(np.int64)


def partners_by_quota(
    draws: Draws, banks: Int64s, popularity: Int64s, money: Int64s, first: int
) -> Partners:
    """Whom each company pays: the popular at other institutions, and anybody at its own.

    Args:
        draws: The town's randomness.
        banks: The institution of each company.
        popularity: How often each is paid, cumulated.
        money: In what proportion each one pays.
        first: The account number of the first of them.
    """
    count = len(banks)
    by_bank = np.argsort(banks, kind="stable")
    sizes = np.bincount(banks, minlength=len(SHARES)).astype(np.int64)
    firsts = np.cumsum(sizes) - sizes
    inside = _inside(draws, money, sizes[banks])
    own = np.repeat(np.arange(count, dtype=np.int64), PARTNERS)
    of_own = banks[own]
    rank = np.empty(count, dtype=np.int64)
    rank[by_bank] = np.arange(count, dtype=np.int64)
    # At its own bank any but itself; elsewhere by popularity, past the own bank's part of it.
    steps = 1 + draws.below_each(np.maximum(sizes[of_own] - 1, 1))
    of_bank = firsts[of_own] + (rank[own] - firsts[of_own] + steps) % sizes[of_own]
    visits = np.diff(popularity, prepend=0)[by_bank]
    reached = np.cumsum(visits)
    until = np.concatenate([[0], reached])
    low, high = until[firsts[of_own]], until[firsts[of_own] + sizes[of_own]]
    met = draws.below_each(reached[-1] - (high - low))
    met = np.where(met >= low, met + (high - low), met)
    elsewhere = np.searchsorted(reached, met, side="right")
    stays = (np.arange(PARTNERS, dtype=np.int64) < inside[:, None]).ravel()
    places = by_bank[np.where(stays, of_bank, elsewhere)]
    return Partners((first + places).reshape(-1, PARTNERS), inside)


def _inside(draws: Draws, money: Int64s, customers: Int64s) -> Int64s:
    """How many of each company's partners are of its own bank: a quota along their money.

    Who is alone at a bank has none there, and the others have so many more.
    """
    can = customers > 1
    per_mille = _INSIDE_PER_MILLE * int(money.sum()) // int(money[can].sum())
    assert per_mille <= 1000
    order = np.argsort(-money, kind="stable")
    places = (order[:, None] * PARTNERS + np.arange(PARTNERS, dtype=np.int64)).ravel()
    odds = np.repeat(np.where(can, per_mille, 0), PARTNERS)
    stays = draws.quota_along(places, odds)
    return np.asarray(stays.reshape(-1, PARTNERS).sum(axis=1), dtype=np.int64)

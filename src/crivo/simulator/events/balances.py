"""What lies in the payer's account: moved by transfers, topped up by what no Pix shows."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.amounts import lognormal
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.facts import Facts
from crivo.simulator.rows import Rows

#: Centavos at the start of the world (median, sigma in percent): persons, and businesses.
_OF_PERSONS: Final = (80_000, 150)
_OF_BUSINESSES: Final = (900_000, 150)
#: What else comes in before a day that spends more than there is: up to three times its spending.
_MARGIN_PER_MILLE: Final = 3000
_POCKET_CENTAVOS: Final = 50_000


class Balances:
    """The balance of every account, day after day; never negative."""

    def __init__(self, accounts: Accounts) -> None:
        numbers = np.arange(accounts.count, dtype=np.int64)
        size = accounts.town.census
        self._salt = accounts.town.seed ^ 0x62616C61
        is_business = (numbers >= size.first_business) & (numbers < size.first_outsider)
        persons, businesses = lognormal(*_OF_PERSONS), lognormal(*_OF_BUSINESSES)
        place = spread(numbers, self._salt, len(persons) - 1)
        held = np.where(is_business, businesses[place], persons[place])
        self._held = np.where(numbers >= size.first_newcomer, 0, held)

    def day(
        self, rows: Rows, settled: Bools, settled_at: Int64s, loans: Facts, day_index: int
    ) -> Int64s:
        """The payer's balance before each transfer of the day, in centavos; loans are paid in."""
        count = len(rows)
        accounts = np.concatenate([rows["payer"], rows["payee"], loans["account"]])
        moved = np.where(settled, rows["amount_centavos"], 0)
        deltas = np.concatenate([-moved, moved, loans["amount_centavos"]])
        at = np.concatenate([rows["occurred_at"], settled_at, loans["occurred_at"]])
        order = np.lexsort((at, accounts))
        mine, deltas = accounts[order], deltas[order]
        first = np.flatnonzero(np.diff(mine, prepend=-1))
        lengths = np.diff(first, append=len(mine))
        after = np.cumsum(deltas)
        before_group = np.repeat((after - deltas)[first], lengths)
        before = after - deltas - before_group
        lowest = np.minimum.reduceat(after - before_group, first)
        owners = mine[first]
        held = self._held[owners] + self._income(owners, lowest, day_index)
        self._held[owners] = held + (after - before_group)[first + lengths - 1]
        found = np.empty(len(accounts), dtype=np.int64)
        found[order] = np.repeat(held, lengths) + before
        # A refused attempt moves nothing, yet it was asked for in good faith.
        return np.maximum(found[:count], 0)

    def _income(self, owners: Int64s, lowest: Int64s, day_index: int) -> Int64s:
        lacking = np.maximum(-(self._held[owners] + lowest), 0)
        factor = spread(owners, self._salt + day_index, _MARGIN_PER_MILLE)
        pocket = spread(owners, self._salt - day_index, _POCKET_CENTAVOS)
        more = lacking + np.minimum(-lowest, 10**12) * factor // 1000 + pocket
        return np.where(lacking > 0, more, 0)

"""How often each account was paid before the world began, for statistics that reach back."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.simulator.amounts import lognormal
from crivo.simulator.daily_life import OrdinaryDay
from crivo.simulator.day_plan import Purse
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import no_rows

#: Ordinary days that are lived to learn how often each account is paid.
SAMPLED_DAYS: Final = 2
#: So far before the world that nobody opened an account in it.
_LONG_BEFORE: Final = 10_000

#: Settlements are counted since 5 November 2023.
COUNTED_SINCE: Final = (dt.date(2023, 11, 5) - dt.date(1970, 1, 1)).days

#: Payments in 90 days of an account no sampled day paid (median, sigma), and the share without.
_QUIET: Final = (5, 120)
_SILENT_PER_MILLE: Final = 120


class Past:
    """A steady rate for each account, learnt from days drawn as the world's own days are."""

    def __init__(self, accounts: Accounts, seed: int, like: Day) -> None:
        size = accounts.town.census
        counts = np.zeros(accounts.count, dtype=np.int64)
        for place in range(SAMPLED_DAYS):
            day = replace(like, index=-_LONG_BEFORE - place)
            draws = Draws(seed, "event", "past", place)
            lived = OrdinaryDay(accounts.town, day, draws, like.transfers, no_rows(), Purse())
            for shift in lived.shifts:
                payees = lived.of(shift)["payee"]
                counts += np.bincount(payees, minlength=accounts.count)[: accounts.count]
        numbers = np.arange(accounts.count, dtype=np.int64)
        table = lognormal(*_QUIET)
        quiet = table[spread(numbers, seed ^ 0x71756965, len(table) - 1)]
        silent = spread(numbers, seed ^ 0x73696C65, 1000) < _SILENT_PER_MILLE
        rate = counts * 90 // SAMPLED_DAYS + np.where(silent, 0, quiet)
        self._accounts = accounts
        self._end = (accounts.start + BRASILIA_OFFSET) // DAY
        # Accounts opened during the world have no past, whoever opened them.
        rate = np.where(numbers >= size.first_newcomer, 0, rate)
        self._rate_of_90_days = rate.astype(np.int32)

    def received(self, accounts: Int64s, windows: tuple[tuple[int, int], ...]) -> list[Int64s]:
        """Payments to each before the world, in each window: a date, and the one after the last."""
        opened = (self._accounts.opened_at(accounts) + BRASILIA_OFFSET) // DAY
        since, rate = np.maximum(opened, COUNTED_SINCE), self._rate_of_90_days[accounts]
        found = []
        for first, last in windows:
            days = np.maximum(min(self._end, last) - np.maximum(since, first), 0)
            found.append(np.asarray(rate * days // 90, dtype=np.int64))
        return found

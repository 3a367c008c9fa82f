"""Counts an account over the last days or months, kept up by adding and forgetting."""

from __future__ import annotations

from collections import deque

import numpy as np

from crivo.simulator.draws import Int32s, Int64s


class Tally:
    """For each of `size` accounts the sum of what was added in the last `span` periods.

    A period is any growing number (a day, a month). Memory is one integer of 32 bits an account,
    and two for each account that was touched in a period that still counts.
    """

    def __init__(self, size: int, span: int) -> None:
        self._totals: Int32s = np.zeros(size, dtype=np.int32)
        self._span = span
        self._periods: deque[tuple[int, Int32s, Int32s]] = deque()

    def of(self, accounts: Int64s) -> Int64s:
        """The sum of each of these accounts."""
        return self._totals[accounts].astype(np.int64)

    def add(self, period: int, accounts: Int64s, weights: Int64s | None = None) -> None:
        """Counts each account once, or by its weight; the same one may come several times."""
        if len(accounts) == 0:
            return
        found, places = np.unique(accounts, return_inverse=True)
        ones = np.ones(len(accounts), dtype=np.int64) if weights is None else weights
        sums = np.zeros(len(found), dtype=np.int64)
        np.add.at(sums, places, ones)
        self._totals[found] += sums.astype(np.int32)
        self._periods.append((period, found.astype(np.int32), sums.astype(np.int32)))

    def forget(self, current: int) -> None:
        """Drops what no longer counts when `current` is the newest of `span` periods."""
        while self._periods and self._periods[0][0] <= current - self._span:
            _, accounts, sums = self._periods.popleft()
            self._totals[accounts] -= sums

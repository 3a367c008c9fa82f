"""Counts an account over the last days or months, kept up by adding and forgetting."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from crivo.simulator.draws import Int64s


class Tally:
    """For each of `size` accounts the sum of what was added in the last `span` periods.

    A period is any growing number (a day, a month). Memory is one integer an account, and what was
    added in each period that still counts, an entry an account that was touched in it.
    """

    def __init__(self, size: int, span: int) -> None:
        self.totals: npt.NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self._span = span
        self._periods: deque[tuple[int, Int64s, Int64s]] = deque()

    def add(self, period: int, accounts: Int64s, weights: Int64s | None = None) -> None:
        """Counts each account once, or by its weight; the same one may come several times."""
        if len(accounts) == 0:
            return
        found, places = np.unique(accounts, return_inverse=True)
        ones = np.ones(len(accounts), dtype=np.int64) if weights is None else weights
        sums = np.zeros(len(found), dtype=np.int64)
        np.add.at(sums, places, ones)
        self.totals[found] += sums
        self._periods.append((period, found, sums))

    def forget(self, current: int) -> None:
        """Drops what no longer counts when `current` is the newest of `span` periods."""
        while self._periods and self._periods[0][0] <= current - self._span:
            _, accounts, sums = self._periods.popleft()
            self.totals[accounts] -= sums

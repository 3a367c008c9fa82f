"""A growing set of pairs (payer and device, payer and payee) with an instant for each."""

from __future__ import annotations

import numpy as np

from crivo.simulator.draws import Bools, Int64s

#: A pair is one integer: the first number times this, plus the second.
_WIDTH = 1 << 32


def paired(first: Int64s, second: Int64s) -> Int64s:
    """One integer for each pair of numbers below 2^31 and 2^32."""
    return first * _WIDTH + second


class SortedPairs:
    """Pairs and the instant that was noted with each; looking up is vectorised."""

    def __init__(self) -> None:
        self._pairs: Int64s = np.zeros(0, dtype=np.int64)
        self._instants: Int64s = np.zeros(0, dtype=np.int64)

    def look_up(self, pairs: Int64s) -> tuple[Bools, Int64s]:
        """Which pairs are known, and the instant of each (0 where not)."""
        if len(self._pairs) == 0:
            return np.zeros(len(pairs), dtype=np.bool_), np.zeros(len(pairs), dtype=np.int64)
        places = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
        known = self._pairs[places] == pairs
        return known, np.where(known, self._instants[places], 0)

    def add(self, pairs: Int64s, instants: Int64s) -> None:
        """Notes pairs that are not known yet, each once."""
        places = np.searchsorted(self._pairs, pairs)
        order = np.argsort(pairs, kind="stable")
        self._pairs = np.insert(self._pairs, places[order], pairs[order])
        self._instants = np.insert(self._instants, places[order], instants[order])


def firsts(pairs: Int64s) -> Int64s:
    """The places at which each distinct pair comes first, in rising order of the pairs."""
    return np.unique(pairs, return_index=True)[1].astype(np.int64)

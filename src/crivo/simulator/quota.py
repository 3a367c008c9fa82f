"""Draws by quota: however few values are drawn, they cover their distribution evenly.

Fraud is rare. Independent draws from a heavy tail would give eight hundred frauds a mean that says
more about the seed than about the distribution; here every run of values, short or long, has its
part of small, middling and large ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.draws import Draws, Int64s, mixed

_CELL_BITS: Final = 10
_CELLS: Final = 1 << _CELL_BITS
_FRACTION_BITS: Final = 20


class Quota:
    """Values of one quantity. The cells of the distribution are visited in bit-reversed order.

    (A van der Corput sequence in base 2, each round of 1024 shifted by another digital shift.)
    """

    def __init__(self, salt: int) -> None:
        self._salt = salt
        self._drawn = 0

    def drawn(self, draws: Draws, table: Int64s, count: int) -> Int64s:
        """The next `count` values of the distribution whose inverse the table is, at i/1024."""
        place = np.arange(self._drawn, self._drawn + count, dtype=np.int64)
        self._drawn += count
        shift = (mixed(place // _CELLS, self._salt) >> np.uint64(64 - _CELL_BITS)).astype(np.int64)
        cell = _reversed_bits(place % _CELLS) ^ shift
        low = table[cell]
        fraction = draws.below(1 << _FRACTION_BITS, count)
        return low + ((table[cell + 1] - low) * fraction >> _FRACTION_BITS)


def _reversed_bits(values: Int64s) -> Int64s:
    turned = np.zeros_like(values)
    for bit in range(_CELL_BITS):
        turned |= (values >> bit & 1) << (_CELL_BITS - 1 - bit)
    return turned

"""Draws by quota: however few values are drawn, they cover their distribution evenly.

Fraud is rare. Independent draws from a heavy tail would give eight hundred frauds a mean that says
more about the seed than about the distribution; here every run of values, short or long, has its
part of small, middling and large ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.draws import Draws, Int64s, Words, mixed

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


def places_by_weight(draws: Draws, weights: Int64s) -> Words:
    """A place in a distribution for each item, as a word: what `2^64` is to one, it is to one.

    The items lie in random order on a ring, each as long as its weight, and have the place of their
    middle. So every part of the distribution has its part of the weight, up to half an item's: what
    the heaviest are like is a quota then, not luck.
    """
    whole = int(weights.sum())
    assert 0 < whole < 2**40
    order = draws.shuffled(np.arange(len(weights), dtype=np.int64))
    reached = np.cumsum(weights[order])
    begin = draws.below(1 << 20, 1) * whole >> 20
    middles = (reached - weights[order] // 2 + begin) % whole
    bits = min(32, 63 - whole.bit_length())
    places = np.empty(len(weights), dtype=np.uint64)
    places[order] = (middles << bits) // whole
    return places << np.uint64(64 - bits)


def _reversed_bits(values: Int64s) -> Int64s:
    turned = np.zeros_like(values)
    for bit in range(_CELL_BITS):
        turned |= (values >> bit & 1) << (_CELL_BITS - 1 - bit)
    return turned

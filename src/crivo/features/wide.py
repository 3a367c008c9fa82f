"""Integers of two words, for sums of squares: multiplied, subtracted, and rounded once to a float.

A value is (high, low), 128 bits in two's complement; `low` is 64 bits without a sign that lie in
an int64.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from crivo.features import layout as k
from crivo.features.compiled import INLINED, OPTIONS

#: SHA-256 (its first 16 hex characters) of `compiled.py`; `kernel.COMPILED_WITH` says why.
COMPILED_WITH: Final = "627936ae685a08c9"

_SIGN: Final = -(1 << 63)


@njit(**INLINED)
def _below(one: int, two: int) -> bool:
    """Whether one word is less than the other, both without a sign."""
    return (one ^ _SIGN) < (two ^ _SIGN)


@njit(**OPTIONS)
def times(one: int, two: int) -> tuple[int, int]:
    """The product of two values from 0 to 2^63 − 1."""
    one_high, one_low = one >> 32, one & k.HALF_MASK
    two_high, two_low = two >> 32, two & k.HALF_MASK
    left, right, least = one_high * two_low, one_low * two_high, one_low * two_low
    middle = ((least >> 32) & k.HALF_MASK) + (left & k.HALF_MASK) + (right & k.HALF_MASK)
    high = one_high * two_high + (left >> 32) + (right >> 32) + (middle >> 32)
    return high, one * two


@njit(**OPTIONS)
def plus(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """The sum."""
    low = one[1] + two[1]
    return one[0] + two[0] + int(_below(low, one[1])), low


@njit(**OPTIONS)
def minus(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """The difference."""
    return one[0] - two[0] - int(_below(one[1], two[1])), one[1] - two[1]


@njit(**OPTIONS)
def shifted(value: tuple[int, int], bits: int) -> tuple[int, int]:
    """The value times 2^bits, 1 to 63."""
    over = (value[1] >> (64 - bits)) & ((1 << bits) - 1)
    return (value[0] << bits) | over, value[1] << bits


@njit(**OPTIONS)
def as_float(value: tuple[int, int]) -> float:
    """The nearest float64 (ties to even) of a value from 0 to 2^126 − 1."""
    high, low = value
    if high == 0 and low >= 0:
        return np.float64(low)
    bits = 0
    while high >> bits != 0:
        bits += 1
    # The topmost 63 bits; the last of them also stands for whatever lies below it.
    drop = bits + 1
    top = (high << (63 - bits)) | ((low >> drop) & ((1 << (63 - bits)) - 1))
    if low & ((1 << drop) - 1) != 0:
        top |= 1
    return np.float64(top) * np.float64(1 << bits) * 2.0


@njit(**OPTIONS)
def spread(count: int, total: int, high: int, low: int) -> float:
    """n·Σx² − (Σx)², exactly, then rounded; Σx² comes in two parts as `layout.SQUARE_BITS` says."""
    squares = plus(shifted(times(count, high), k.SQUARE_BITS), times(count, low))
    return as_float(minus(squares, times(total, total)))

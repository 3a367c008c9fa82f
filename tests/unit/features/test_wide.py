"""Integers of two words give what Python's own integers give, and round as they do."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from crivo.features.wide import as_float, minus, plus, shifted, spread, times

WORDS = st.integers(0, 2**63 - 1)
WIDE = st.integers(0, 2**126 - 1)


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


def halves(value: int) -> tuple[int, int]:
    """(high, low) of 128 bits in two's complement, as two int64."""
    return _signed((value >> 64) & (2**64 - 1)), _signed(value & (2**64 - 1))


@given(WORDS, WORDS)
def test_a_product_is_exact(one: int, two: int) -> None:
    assert tuple(times(one, two)) == halves(one * two)


@given(WIDE, WIDE)
def test_sums_and_differences_are_exact(one: int, two: int) -> None:
    assert tuple(plus(halves(one), halves(two))) == halves(one + two)
    assert tuple(minus(halves(one), halves(two))) == halves(one - two)


@given(st.integers(0, 2**80), st.integers(1, 46))
def test_a_shift_is_exact(value: int, bits: int) -> None:
    assert tuple(shifted(halves(value), bits)) == halves(value << bits)


@given(
    WIDE
    | st.integers(0, 2**70)
    | st.builds(lambda n, e: n << e, st.integers(0, 2**55), st.integers(0, 70))
)
def test_a_value_is_rounded_to_the_nearest_float(value: int) -> None:
    assert as_float(halves(value)) == float(value)


@given(st.integers(53, 125), st.sampled_from([-1, 0, 1]), st.integers(0, 1))
def test_a_tie_is_rounded_to_the_even_float(power: int, off: int, odd: int) -> None:
    value = (1 << power) + (odd << (power - 52)) + (1 << (power - 53)) + off
    assert as_float(halves(value)) == float(value)


@given(st.lists(st.integers(1, 10**12 - 1), min_size=1, max_size=40))
def test_the_spread_of_amounts_is_exact_until_its_one_rounding(amounts: list[int]) -> None:
    squares = [amount * amount for amount in amounts]
    high, low = sum(each >> 40 for each in squares), sum(each & (2**40 - 1) for each in squares)
    expected = len(amounts) * sum(squares) - sum(amounts) ** 2
    found = spread(len(amounts), sum(amounts), high, low)
    assert found == float(expected)
    assert math.sqrt(found) >= 0

"""Amounts: log-normal bodies as integer tables, and the round and .90 points where people pay.

A table has the mean that is asked of it, exactly, and a spread; the spread of a nature is split
between the person, the merchant and the single payment, so that amounts belong to somebody. Levels
of persons and merchants are relative: their mean, by how often they pay, is one.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Final

import numpy as np

from crivo.domain.money import CENTAVOS_MAX
from crivo.simulator.draws import Draws, Int32s, Int64s, Words, cumulated
from crivo.simulator.normal_quantiles import UPPER_HALF_MILLIONTHS
from crivo.simulator.quota import places_by_weight

_CONTEXT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
_CELL_BITS: Final = 10
_FRACTION_BITS: Final = 20

#: A level is a factor in thousandths: how much above the median a person or merchant lives.
LEVEL_UNIT: Final = 1000
_LEVEL_MIN: Final = 120
_LEVEL_MAX: Final = 12_000
#: Amounts are moved towards a total by a factor in these parts, from 0.8 to 1.25.
_FACTOR_UNIT: Final = 100_000
_FACTOR_LEAST: Final = 80_000
_FACTOR_MOST: Final = 125_000

#: Whole reais that people type when they pay people (in centavos).
# fmt: off
ROUND_CENTAVOS: Final = (
    500, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10000, 12000, 15000, 20000, 25000,
    30000, 40000, 50000, 60000, 80000, 100000, 120000, 150000, 200000, 250000, 300000, 400000,
    500000, 800000, 1000000, 2000000, 5000000,
)
# fmt: on
#: What is paid automatically, and how often: streams, gyms, telephones, schools, health plans.
#: Their mean is about the official one of automatic payments (R$ 291).
SUBSCRIPTIONS: Final = (1990, 2990, 3990, 5590, 8990, 11_990, 19_990, 49_990, 99_900, 169_900)
_SUBSCRIBED: Final = (115, 108, 118, 126, 124, 105, 95, 85, 75, 70)


@lru_cache(maxsize=64)
def lognormal(median: int, sigma_percent: int) -> Int64s:
    """The inverse distribution function at i/1024, i = 0..1024, as integers; tails cut at 1/8192.

    Built with the decimal module, whose exp is rounded correctly on every machine.
    """
    upper = UPPER_HALF_MILLIONTHS
    quantiles = [-value for value in reversed(upper[1:])] + list(upper)
    sigma = Decimal(sigma_percent) / 100
    table = []
    for millionths in quantiles:
        factor = _CONTEXT.exp(_CONTEXT.multiply(sigma, Decimal(millionths) / 1_000_000))
        table.append(int(_CONTEXT.multiply(factor, Decimal(median)).to_integral_value()))
    return np.asarray(table, dtype=np.int64)


@lru_cache(maxsize=64)
def lognormal_of_mean(mean: int, sigma_percent: int) -> Int64s:
    """The same with the median that gives the table, linear between its knots, that mean."""
    unit = 1_000_000
    table = lognormal(unit, sigma_percent)
    # Twice the mean times the number of cells, of a median of one unit.
    area = int(table[0] + 2 * table[1:-1].sum() + table[-1])
    return np.asarray([int(value) * mean * 2 * (len(table) - 1) // area for value in table])


def drawn(draws: Draws, table: Int64s, count: int) -> Int64s:
    """`count` values of the distribution whose inverse the table is; linear between its knots."""
    return _looked_up(table, draws.words(count))


def drawn_evenly(draws: Draws, table: Int64s, count: int) -> Int64s:
    """The same with one value from each of `count` equal parts of the distribution, shuffled.

    For heavy tails: how many of the largest payments a day sees is a quota then, not luck.
    """
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    assert count < 2**31
    places = draws.shuffled(np.arange(count, dtype=np.int64)).astype(np.uint64)
    bits = np.uint64(32)
    words = ((places << bits) + (draws.words(count) >> bits)) // np.uint64(count) << bits
    return _looked_up(table, words)


def _looked_up(table: Int64s, words: Words) -> Int64s:
    cell = (words >> np.uint64(64 - _CELL_BITS)).astype(np.int64)
    rest = words >> np.uint64(64 - _CELL_BITS - _FRACTION_BITS)
    fraction = (rest & np.uint64(2**_FRACTION_BITS - 1)).astype(np.int64)
    low = table[cell]
    return low + ((table[cell + 1] - low) * fraction >> _FRACTION_BITS)


def levels(draws: Draws, sigma_percent: int, count: int) -> Int64s:
    """`count` personal factors in thousandths, log-normal around one."""
    return np.clip(
        drawn(draws, lognormal(LEVEL_UNIT, sigma_percent), count), _LEVEL_MIN, _LEVEL_MAX
    )


def levels_by_quota(draws: Draws, sigma_percent: int, weights: Int64s) -> Int64s:
    """The same, one for each weight, and by weight they cover the distribution evenly."""
    places = places_by_weight(draws, weights)
    return np.clip(_looked_up(lognormal(LEVEL_UNIT, sigma_percent), places), _LEVEL_MIN, _LEVEL_MAX)


def scaled(amounts: Int64s, level: Int64s | Int32s) -> Int64s:
    """The amounts times a factor in thousandths, kept inside what a transfer may carry."""
    return np.clip(amounts * level // LEVEL_UNIT, 1, CENTAVOS_MAX)


def towards(amounts: Int64s, total: int) -> Int64s:
    """The amounts moved together so that they make that total, or as far as is let."""
    found = max(int(amounts.sum()), 1)
    factor = min(max(total * _FACTOR_UNIT // found, _FACTOR_LEAST), _FACTOR_MOST)
    return np.maximum(amounts * factor // _FACTOR_UNIT, 1)


def normalised(factors: Int64s, weights: Int64s) -> Int64s:
    """The factors moved together so that their mean by those weights is LEVEL_UNIT."""
    whole, found = int(weights.sum()), int((factors * weights).sum())
    return np.maximum(factors * (LEVEL_UNIT * whole) // found, 1)


def rounded(draws: Draws, amounts: Int64s, per_mille: int) -> Int64s:
    """Some of the amounts moved to one of the round values around them, the nearer the likelier.

    Moving up and down in those proportions leaves the mean where it was.
    """
    count = len(amounts)
    grid = np.asarray(ROUND_CENTAVOS, dtype=np.int64)
    place = np.clip(np.searchsorted(grid, amounts, side="right") - 1, 0, len(grid) - 2)
    low, high = grid[place], grid[place + 1]
    part = np.clip((amounts - low) * LEVEL_UNIT // (high - low), 0, LEVEL_UNIT)
    moved = np.where(draws.chance(part, count), high, low)
    moves = draws.chance(per_mille, count) & (amounts < grid[-1])
    return np.where(moves, moved, amounts)


def subscribed(draws: Draws, count: int) -> Int64s:
    """`count` prices of subscriptions and bills that are paid by themselves every month."""
    prices = np.asarray(SUBSCRIPTIONS, dtype=np.int64)
    return prices[draws.chosen(cumulated(_SUBSCRIBED), count)]


def within_limit(draws: Draws, amounts: Int64s, limit: int, per_mille: int) -> Int64s:
    """Some of the amounts that lie a little above a limit, lowered to the limit itself."""
    above = (amounts > limit) & (amounts <= limit * 14 // 10)
    return np.where(above & draws.chance(per_mille, len(amounts)), limit, amounts)


def priced(draws: Draws, amounts: Int64s) -> Int64s:
    """Amounts as shops ask them: many end in .90, some in .00, .99 or .50, the rest stay."""
    whole = np.maximum(amounts // 100, 1) * 100
    kind = draws.below(1000, len(amounts))
    ends = np.select([kind < 330, kind < 480, kind < 570, kind < 640], [90, 0, 99, 50], default=-1)
    return np.where(ends >= 0, whole + ends, np.maximum(amounts, 100))

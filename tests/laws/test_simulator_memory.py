"""Memory depends neither on how many days are written nor on how many transfers a day has."""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from crivo.simulator import daily_life
from crivo.simulator.columns import Piece
from crivo.simulator.options import SimulationOptions
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.tables import platform_tables
from crivo.simulator.world import World, simulate

#: How much more four times as many days may need: they have more frauds, claims and accounts.
GROWTH = 1.6
#: And days five times as large: they have more habits, which are drawn for a day.
GROWTH_BY_SCALE = 1.5
RARE = Decimal("0.0005")


def peak(tables: Callable[[World], Iterator[Piece]], days: int, *, keep: bool = False) -> int:
    """Bytes at the highest point while the pieces are walked through, or kept."""
    return peak_of(tables, SimulationOptions(seed=1, days=days, prevalence=RARE), keep=keep)


def peak_by_scale(scale: int) -> int:
    """Bytes at the highest point of two days of that size, besides the registers of the town."""
    options = SimulationOptions(seed=1, days=2, scale=Decimal(scale), prevalence=RARE)
    return peak_of(platform_tables, options)


def peak_of(
    tables: Callable[[World], Iterator[Piece]], options: SimulationOptions, *, keep: bool = False
) -> int:
    world = simulate(options)
    tracemalloc.start()
    try:
        kept: deque[Piece] = deque(tables(world), maxlen=None if keep else 1)
        assert kept
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("tables", [seven_tables, platform_tables])
def test_four_times_as_many_days_need_hardly_more_memory(
    tables: Callable[[World], Iterator[Piece]],
):
    few, many = peak(tables, 15), peak(tables, 60)
    assert many < GROWTH * few, (few, many)


@pytest.mark.slow
def test_sabotage_rows_that_stay_are_noticed():
    few, many = (peak(platform_tables, days, keep=True) for days in (15, 60))
    assert not many < GROWTH * few, (few, many)


@pytest.mark.slow
def test_days_five_times_as_large_need_hardly_more_memory():
    small, large = peak_by_scale(20), peak_by_scale(100)
    assert large < GROWTH_BY_SCALE * small, (small, large)


@pytest.mark.slow
def test_sabotage_days_that_are_made_at_once_are_noticed(monkeypatch):
    monkeypatch.setattr(daily_life, "SHIFT_TRANSFERS", 1_000_000)
    small, large = peak_by_scale(20), peak_by_scale(100)
    assert not large < GROWTH_BY_SCALE * small, (small, large)

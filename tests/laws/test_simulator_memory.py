"""Memory does not depend on how many days are written: rows leave as they are made."""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from crivo.simulator.columns import Piece
from crivo.simulator.options import SimulationOptions
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.tables import platform_tables
from crivo.simulator.world import World, simulate

#: How much more four times as many days may need: they have more frauds, claims and accounts.
GROWTH = 1.6


def peak(tables: Callable[[World], Iterator[Piece]], days: int, *, keep: bool = False) -> int:
    """Bytes at the highest point while the pieces are walked through, or kept."""
    options = SimulationOptions(seed=1, days=days, scale=Decimal(1), prevalence=Decimal("0.0005"))
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

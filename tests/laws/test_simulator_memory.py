"""Memory depends neither on how many days are written nor on how many transfers a day has.

Registers, which grow with the world, take some bytes a user.
"""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import repeat
from pathlib import Path

import pytest

from crivo.adapters.world_files import faulted
from crivo.simulator import daily_life
from crivo.simulator.columns import Piece
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.fault import Done, Note, Record
from crivo.simulator.options import USERS_OF_SCALE, SimulationOptions
from crivo.simulator.seven import blocks
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.tables import platform_tables
from crivo.simulator.world import World, simulate

#: How much more four times as many days may need: they have more frauds, claims and accounts.
GROWTH = 1.6
#: And days five times as large: they have more habits, which are drawn for a day.
GROWTH_BY_SCALE = 1.5
#: What the seven tables may keep of each user more, and the town of each person: a tenth of them.
BYTES_A_USER = 40
RARE = Decimal("0.0005")
#: How much more four times as many rows with faults in them may need: hardly anything waits longer.
GROWTH_BY_ROWS = 1.3


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


def bytes_a_user() -> float:
    """What a user more costs while the seven tables of one day are written."""
    small, large = (
        peak_of(seven_tables, SimulationOptions(days=1, scale=Decimal(scale), prevalence=RARE))
        for scale in (20, 60)
    )
    return (large - small) / (40 * USERS_OF_SCALE)


@pytest.mark.slow
def test_the_seven_tables_keep_some_bytes_a_user():
    assert bytes_a_user() < BYTES_A_USER


@pytest.mark.slow
def test_sabotage_registers_that_are_sorted_at_once_are_noticed(monkeypatch):
    monkeypatch.setattr(blocks, "SORTED_AT_ONCE", 10**9)
    assert not bytes_a_user() < BYTES_A_USER


def peaks_of_faults(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rows: tuple[int, ...]
) -> list[int]:
    """Bytes at the highest point while so many rows are written with faults in all of them; the
    walk that makes rows has laws of its own above.
    """
    line = '{"occurred_at":"2026-08-03T03:00:22.726000Z","amount_centavos":1200}'
    rates = {"duplicated": 500_000, "malformed": 1_000_000}
    found = []
    for many in rows:
        monkeypatch.setattr(faulted, "_transfers", lambda *_, many=many: repeat(line, many))
        world = simulate(SimulationOptions(seed=1, days=1))
        tracemalloc.start()
        try:
            faulted.write_faulted(folder / str(many), world, Viewpoint.PAYER_PSP, rates)
            found.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return found


@pytest.mark.slow
def test_four_times_as_many_faults_need_hardly_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, few, many = peaks_of_faults(tmp_path, monkeypatch, (100, 8_000, 32_000))
    assert many < GROWTH_BY_ROWS * few, (few, many)


@pytest.mark.slow
def test_sabotage_what_was_done_is_kept_and_that_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept: list[Done] = []
    injected = faulted.with_faults

    def keeping(
        lines: Iterator[str], rates: dict[str, int], *, seed: int, note: Note
    ) -> Iterator[Record]:
        def keep(one: Done) -> None:
            kept.append(one)
            note(one)

        return injected(lines, rates, seed=seed, note=keep)

    monkeypatch.setattr(faulted, "with_faults", keeping)
    _, few, many = peaks_of_faults(tmp_path, monkeypatch, (100, 8_000, 32_000))
    assert not many < GROWTH_BY_ROWS * few, (few, many)

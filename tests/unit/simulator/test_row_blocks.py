"""Rows get their names in blocks; how large a block is changes no value."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from crivo.simulator import tables as platform
from crivo.simulator.columns import Piece
from crivo.simulator.sampling import Sampling
from crivo.simulator.seven import tables as seven
from crivo.simulator.world import World
from tests.unit.simulator.worlds import small_world

Made = Callable[[World, None, Sampling], Iterator[Piece]]

BLOCK = 23
SETS: dict[str, Made] = {"platform": platform.platform_tables, "seven": seven.seven_tables}


def gathered(make: Made, sampling: Sampling) -> dict[str, list[tuple[str, bytes]]]:
    """The bytes of every column of every table."""
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for piece in make(small_world(), None, sampling):
        for column in piece.columns:
            found.setdefault(piece.table, {}).setdefault(column.name, []).append(column.values)
    return {
        table: [(name, np.concatenate(parts).tobytes()) for name, parts in columns.items()]
        for table, columns in found.items()
    }


def in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (platform, seven):
        monkeypatch.setattr(module, "BLOCK_ROWS", BLOCK)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("one_in", [1, 7])
def test_small_blocks_hold_what_large_ones_do(
    monkeypatch: pytest.MonkeyPatch, name: str, one_in: int
):
    whole = gathered(SETS[name], Sampling(one_in))
    in_small_blocks(monkeypatch)
    assert gathered(SETS[name], Sampling(one_in)) == whole


@pytest.mark.slow
def test_no_piece_of_a_day_is_larger_than_a_block(monkeypatch: pytest.MonkeyPatch):
    in_small_blocks(monkeypatch)
    for make in SETS.values():
        of_days = [piece for piece in make(small_world(), None, Sampling()) if piece.day]
        assert max(len(piece) for piece in of_days) == BLOCK


@pytest.mark.slow
def test_sabotage_ids_in_another_order_are_noticed(monkeypatch: pytest.MonkeyPatch):
    whole = gathered(SETS["platform"], Sampling())
    in_small_blocks(monkeypatch)
    ids = platform.end_to_end_ids
    monkeypatch.setattr(platform, "end_to_end_ids", lambda *given: ids(*given)[::-1])
    assert gathered(SETS["platform"], Sampling()) != whole

"""The time that processes take for the shards of a plan, without the time they take to begin."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crivo.adapters.processes.pool import ProcessPool
from crivo.features.plan import Plan
from crivo.features.row import RowKind
from crivo.features.shard import ShardFold, shards_of

CHUNK_ROWS: Final = 65_536
ROWS: Final = "rows.npy"


@dataclass(frozen=True, slots=True)
class _Hand:
    """The shards that one process folds, one after the other, once all hands are there."""

    plan: Plan
    shards: int
    places: tuple[int, ...]
    folder: Path


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the common start to the end of the last process, and those of processor time
    that the busiest one took.
    """

    clock: float
    processor: float


def times_of(plan: Plan, rows: NDArray[Any], *, shards: int) -> Times:
    """What a process a shard take for all rows."""
    count = len(shards_of(plan, shards))
    with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as folder:
        np.save(Path(folder) / ROWS, rows)
        hands = [
            _Hand(plan, shards, tuple(range(hand, count, shards)), Path(folder))
            for hand in range(shards)
        ]
        times = list(ProcessPool(shards).run(_fold, hands))
    begun, ended, busy = zip(*times, strict=True)
    return Times(max(ended) - max(begun), max(busy))


def _fold(hand: _Hand) -> tuple[float, float, float]:
    """When the work began and was done, on the clock that all processes of a machine share; and
    the processor time it took.
    """
    rows = np.load(hand.folder / ROWS)
    dealt = shards_of(hand.plan, hand.shards)
    for place in hand.places:
        _fold_all(ShardFold(dealt[place]), rows[:1_000])  # compiled by now
    (hand.folder / f"{hand.places[0]}.ready").touch()
    while len(list(hand.folder.glob("*.ready"))) < hand.shards:
        time.sleep(0.001)
    begun, worked = time.monotonic(), time.process_time()
    for place in hand.places:
        _fold_all(ShardFold(dealt[place]), rows)
    return begun, time.monotonic(), time.process_time() - worked


def _fold_all(fold: ShardFold, rows: NDArray[Any]) -> None:
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        fold.vectors(chunk, chunk["kind"] == RowKind.TRANSFER.value)

"""The training rows of a log, made by many processes: read, fold by shard, join, in files between.

Each process of the second step keeps the keys of its shard and no others, so that state is dealt
out as the work is. Memory holds a chunk and the shard's state, whatever the length of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crivo.features.plan import Plan
from crivo.features.shard import ShardFold, join, shards_of
from crivo.flows.labels import labels_of_log
from crivo.flows.ports import LogReader, Workers
from crivo.flows.training_set import (
    CHUNK_EVENTS,
    Progress,
    Rules,
    TrainingPart,
    chunk_rows,
    part_of,
    wanted_rows,
)

#: Opens the log in whatever process it is called.
OpenLog = Callable[[], AbstractContextManager[LogReader]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A chunk to read: which, and from where."""

    open_log: OpenLog
    rules: Rules
    folder: Path
    number: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Folding:
    """A shard to fold over all chunks: the `place`-th of the plan's `shards`."""

    plan: Plan
    shards: int
    place: int
    rules: Rules
    folder: Path
    chunks: int


def staged_parts(
    open_log: OpenLog,
    plan: Plan,
    rules: Rules,
    *,
    end: int,
    shards: int,
    folder: Path,
    workers: Workers,
    progress: Progress,
) -> Iterator[TrainingPart]:
    """What `training_parts` yields, with the work dealt to `workers`; `folder` holds what is made.

    Raises:
        Refused, Unavailable: as `training_parts`; OSError where the folder cannot be written.
    """
    starts = range(0, end, CHUNK_EVENTS)
    readings = [
        _Reading(open_log, rules, folder, number, start, min(start + CHUNK_EVENTS, end))
        for number, start in enumerate(starts)
    ]
    for stop in workers.run(_read, readings):
        progress("read", stop, end)
    dealt = shards_of(plan, shards)
    foldings = [
        _Folding(plan, shards, place, rules, folder, len(starts)) for place in range(len(dealt))
    ]
    for place in workers.run(_fold, foldings):
        progress("fold", end * (place + 1) // len(dealt), end)
    with open_log() as log:
        labels = labels_of_log(log, end=end, labels_as_of=rules.labels_as_of)
    for number, reading in enumerate(readings):
        rows, seq = _load(folder, "rows", number), _load(folder, "seq", number)
        wanted = wanted_rows(rows, rules)
        made = [
            (_load(folder, f"vectors-{place}", number), _load(folder, f"flags-{place}", number))
            for place in range(len(dealt))
        ]
        vectors, flags = join(dealt, made, rows, wanted)
        yield part_of(rows, seq, vectors, flags, labels, rules)
        for path in folder.glob(f"*.{number}.npy"):
            path.unlink()
        progress("join", reading.stop, end)


def _read(task: _Reading) -> int:
    """Keeps the rows of a chunk and their places; the chunk's end."""
    with task.open_log() as log:
        rows, seq = chunk_rows(log, task.rules, start=task.start, stop=task.stop)
    _keep(task.folder, "rows", task.number, rows)
    _keep(task.folder, "seq", task.number, seq)
    return task.stop


def _fold(task: _Folding) -> int:
    """Keeps what a shard makes of each chunk; the shard's place."""
    fold = ShardFold(shards_of(task.plan, task.shards)[task.place])
    for number in range(task.chunks):
        rows = _load(task.folder, "rows", number)
        vectors, flags = fold.vectors(rows, wanted_rows(rows, task.rules))
        _keep(task.folder, f"vectors-{task.place}", number, vectors)
        _keep(task.folder, f"flags-{task.place}", number, flags)
    return task.place


def _keep(folder: Path, name: str, number: int, array: npt.NDArray[Any]) -> None:
    np.save(folder / f"{name}.{number}.npy", array, allow_pickle=False)


def _load(folder: Path, name: str, number: int) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(folder / f"{name}.{number}.npy", allow_pickle=False)
    return array

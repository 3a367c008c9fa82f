"""Writes the transfers with faults in them, and apart from them what was done to which row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TextIO

from crivo.adapters.world_files.text import json_lines
from crivo.simulator.events.kind import default_kinds
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.fault import Done
from crivo.simulator.faulting import with_faults
from crivo.simulator.world import Progress, World

#: The folder inside the world's.
FAULTED_FOLDER: Final = "faulted"
SENT_FILE: Final = "sent.jsonl"
FAULTED_FILE: Final = "transfers.jsonl"
DONE_FILE: Final = "done.jsonl"

_TRANSFERS: Final = "transfers"


@dataclass(frozen=True, slots=True)
class WrittenFaults:
    """What was written: rows sent and received, and what was done, by fault."""

    sent: int
    received: int
    done: MappingProxyType[str, int]


def write_faulted(
    folder: Path,
    world: World,
    viewpoint: Viewpoint,
    rates: Mapping[str, int],
    progress: Progress | None = None,
) -> WrittenFaults:
    """The written stream: `sent.jsonl` as it was sent, `transfers.jsonl` as it arrives, and
    `done.jsonl`, a line for each thing that was done to a line.

    `number` in `done.jsonl` counts the lines of `sent.jsonl`, from 0. All three are written as the
    world is walked through: memory holds what its walk does and the rows that are held back.

    Args:
        folder: Made; whoever calls moves it into place whole.
        world: Whose transfers.
        viewpoint: Who looks.
        rates: Millionths of the rows, by fault.
        progress: Called after each day.

    Raises:
        OSError: Where the disk refuses.
    """
    folder.mkdir()
    received = 0
    counts: Counter[str] = Counter()
    with (
        _opened(folder / SENT_FILE) as sent,
        _opened(folder / FAULTED_FILE) as arriving,
        _opened(folder / DONE_FILE) as done,
    ):

        def note(one: Done) -> None:
            done.write(json.dumps(asdict(one)) + "\n")
            counts[one.fault] += 1

        lines = _Copied(_transfers(world, viewpoint, progress), sent)
        for record in with_faults(lines, rates, seed=world.options.seed, note=note):
            arriving.write(record.line + "\n")
            received += 1
    return WrittenFaults(lines.count, received, MappingProxyType(dict(counts)))


class _Copied:
    """Lines that are written to a file as they are read, and counted."""

    def __init__(self, lines: Iterator[str], file: TextIO) -> None:
        self._lines = lines
        self._file = file
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._file.write(line + "\n")
            self.count += 1
            yield line


def _opened(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="\n")


def _transfers(world: World, viewpoint: Viewpoint, progress: Progress | None) -> Iterator[str]:
    kinds = tuple(kind for kind in default_kinds() if kind.name == _TRANSFERS)
    streams = EventStreams(world, viewpoint, kinds)
    for day, rows in world.rows(progress):
        for piece in streams.of_day(day, rows):
            yield from json_lines(piece.columns)

"""Writes the transfers with faults in them, and apart from them what was done to which row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from crivo.adapters.world_files.text import json_lines
from crivo.simulator.events.kind import default_kinds
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.faulting import FaultedStream
from crivo.simulator.world import World

#: The folder inside the world's.
FAULTED_FOLDER: Final = "faulted"
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
    folder: Path, world: World, viewpoint: Viewpoint, rates: Mapping[str, int]
) -> WrittenFaults:
    """The written stream: `transfers.jsonl` as it arrives, and `done.jsonl`, a line a touched row.

    `number` in `done.jsonl` counts the rows as they were sent, from 0.

    Args:
        folder: Made; whoever calls moves it into place whole.
        world: Whose transfers.
        viewpoint: Who looks.
        rates: Millionths of the rows, by fault.

    Raises:
        OSError: Where the disk refuses.
    """
    sent = Counter[str]()
    received = 0
    stream = FaultedStream(_sent(world, viewpoint, sent), rates, seed=world.options.seed)
    folder.mkdir()
    with (folder / FAULTED_FILE).open("w", encoding="utf-8", newline="\n") as file:
        for record in stream:
            file.write(record.line + "\n")
            received += 1
    done = "".join(json.dumps(asdict(one)) + "\n" for one in stream.done)
    (folder / DONE_FILE).write_text(done, "utf-8")
    counts = Counter(one.fault for one in stream.done)
    return WrittenFaults(sent.total(), received, MappingProxyType(dict(counts)))


def _sent(world: World, viewpoint: Viewpoint, sent: Counter[str]) -> Iterator[str]:
    kinds = tuple(kind for kind in default_kinds() if kind.name == _TRANSFERS)
    streams = EventStreams(world, viewpoint, kinds)
    for day, rows in world.rows():
        for piece in streams.of_day(day, rows):
            for line in json_lines(piece.columns):
                sent[piece.table] += 1
                yield line

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
from crivo.adapters.world_files.writer import put_in_place, set_aside, synced_sha256
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.simulator.events.kind import default_kinds
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.faulting import FaultedStream
from crivo.simulator.world import World

FAULTED_FILE: Final = "transfers.jsonl"
DONE_FILE: Final = "done.jsonl"

_TRANSFERS: Final = "transfers"


@dataclass(frozen=True, slots=True)
class WrittenFaults:
    """What now lies in the folder: rows sent and received, and what was done, by fault."""

    folder: Path
    sent: int
    received: int
    done: MappingProxyType[str, int]


def write_faulted(
    folder: Path, world: World, viewpoint: Viewpoint, rates: Mapping[str, int]
) -> WrittenFaults:
    """The written stream: `transfers.jsonl` as it arrives, and `done.jsonl`, a line a touched row.

    `number` in `done.jsonl` counts the rows as they were sent, from 0. Until both files are whole
    and on disk, `folder` is as it was.

    Raises:
        Refused: FILE_UNWRITABLE where something else lies there.
        Unavailable: FILE_UNWRITABLE where the disk refuses (full, read-only, no permission).
    """
    sent = Counter[str]()
    received = 0
    stream = FaultedStream(_sent(world, viewpoint, sent), rates, seed=world.options.seed)
    try:
        if folder.exists() and not (folder / DONE_FILE).is_file():
            raise _occupied(folder)
        with set_aside(folder) as aside:
            with (aside / FAULTED_FILE).open("w", encoding="utf-8", newline="\n") as file:
                for record in stream:
                    file.write(record.line + "\n")
                    received += 1
            done = "".join(json.dumps(asdict(one)) + "\n" for one in stream.done)
            (aside / DONE_FILE).write_text(done, "utf-8")
            for name in (FAULTED_FILE, DONE_FILE):
                synced_sha256(aside / name)
            put_in_place(aside, folder)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"The faulted stream cannot be written to {folder}: {error.strerror or error}",
            hint="Nothing was left there. Make room or name another folder.",
            folder=str(folder),
        ) from error
    counts = Counter(one.fault for one in stream.done)
    return WrittenFaults(folder, sent.total(), received, MappingProxyType(dict(counts)))


def _sent(world: World, viewpoint: Viewpoint, sent: Counter[str]) -> Iterator[str]:
    kinds = tuple(kind for kind in default_kinds() if kind.name == _TRANSFERS)
    streams = EventStreams(world, viewpoint, kinds)
    for day, rows in world.rows():
        for piece in streams.of_day(day, rows):
            for line in json_lines(piece.columns):
                sent[piece.table] += 1
                yield line


def _occupied(folder: Path) -> Refused:
    return Refused(
        Code.FILE_UNWRITABLE,
        f"{folder} holds something else",
        hint="Only a folder of a faulted stream can be replaced; move it or name another world.",
        field="folder",
        expected="a new folder or one of a faulted stream",
        found=str(folder),
    )

"""Writes a world into a folder, whole or not at all: its tables, and `world.json` about them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from crivo.adapters.world_files.faulted import FAULTED_FOLDER, WrittenFaults, write_faulted
from crivo.adapters.world_files.files import TableFiles
from crivo.adapters.world_files.layout import Layout
from crivo.adapters.world_files.standing import MANIFEST, WORLD
from crivo.domain.choice import parse_choice
from crivo.domain.errors import Code, Unavailable, invalid
from crivo.model.files import sync_folder
from crivo.model.place import put_back, put_in_place, real_place, set_aside
from crivo.model.standing import check_free
from crivo.simulator.adversary import Mode
from crivo.simulator.columns import Piece
from crivo.simulator.events.streams import events
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.sampling import PESO, WEIGHT, WHOLE, Sampling
from crivo.simulator.seven.tables import seven_tables
from crivo.simulator.tables import platform_tables
from crivo.simulator.world import Progress, World

#: Raised when equal options give other rows than before.
WORLD_VERSION: Final = 9

DEFAULT_LAYOUT: Final = Layout()
NO_FAULTS: Final[Mapping[str, int]] = MappingProxyType({})


class TableSet(StrEnum):
    """Which tables of a world are written."""

    SEVEN = "seven"  # a bank's seven tables and its earlier transfers, in Portuguese
    PLATFORM = "platform"  # transfers, reports and the truth, as the platform imports them
    EVENTS = "events"  # the event streams that one side of the transfers sees, all rows of them


@dataclass(frozen=True, slots=True)
class Written:
    """What now lies in the folder: rows by table and SHA-256 by file name."""

    folder: Path
    rows: MappingProxyType[str, int]
    sha256: MappingProxyType[str, str]
    faulted: WrittenFaults | None = None


def parse_table_set(text: str) -> TableSet:
    """The set of tables of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    return parse_choice(TableSet, text, field="tables")


def write_world(
    folder: Path,
    world: World,
    *,
    table_set: TableSet = TableSet.PLATFORM,
    layout: Layout = DEFAULT_LAYOUT,
    sampling: Sampling = WHOLE,
    viewpoint: Viewpoint = Viewpoint.PAYER_PSP,
    faults: Mapping[str, int] = NO_FAULTS,
    replace: bool = False,
    progress: Progress | None = None,
) -> Written:
    """The written world; until every file is whole and on disk, `folder` is as it was.

    Args:
        folder: Made; it may exist if it is empty, or with `replace` if it holds a world.
        world: What to write.
        table_set: Which of its tables.
        layout: Format, compression and files of all tables.
        sampling: Which part of the transfers.
        viewpoint: Who looks, where the tables are event streams.
        faults: Rates (millionths) of faults in a second stream of the transfers, in `faulted/`.
        replace: Whether a world that lies there gives way, if nothing else lies there.
        progress: Called after each day, and with `faults` once more from the first on.

    Raises:
        Refused: FILE_UNWRITABLE where something else lies there.
        Unavailable: FILE_UNWRITABLE where the disk refuses (full, read-only, no permission).
    """
    place = real_place(folder)
    check = partial(check_free, place, WORLD, replace=replace)
    try:
        put_back(place)
        check()
        with set_aside(place) as aside:
            pieces = _Weighed(_pieces(world, table_set, sampling, viewpoint, progress))
            rows = _write_tables(aside, pieces, layout)
            about = _about(world, table_set, layout, sampling)
            if not sampling.is_whole:
                about["sample"] = pieces.about()
            if table_set is TableSet.EVENTS:
                about["viewpoint"] = viewpoint
            faulted = None
            if faults:
                faulted = write_faulted(aside / FAULTED_FOLDER, world, viewpoint, faults, progress)
                about["faulted"] = _about_faults(viewpoint, faults, faulted)
            sha256 = _synced_digests(aside)
            _write_manifest(aside / MANIFEST, {**about, "rows": rows, "sha256": sha256})
            put_in_place(aside, place, check)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"The world cannot be written to {folder}: {error.strerror or error}",
            hint="Nothing was left there. Make room or name another folder.",
            folder=str(folder),
        ) from error
    return Written(folder, MappingProxyType(rows), MappingProxyType(sha256), faulted)


def _pieces(
    world: World,
    table_set: TableSet,
    sampling: Sampling,
    viewpoint: Viewpoint,
    progress: Progress | None,
) -> Iterator[Piece]:
    match table_set:
        case TableSet.SEVEN:
            # Its transfers are those that were carried out; the command refuses another policy.
            assert world.played is None or not world.played.stops
            return seven_tables(world, progress, sampling)
        case TableSet.PLATFORM:
            return platform_tables(world, progress, sampling)
        case TableSet.EVENTS:
            _check_whole(sampling)
            return events(world, viewpoint, progress)


class _Weighed:
    """Pieces that pass by, of which those rows are counted that bear weights."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self._rows = 0
        self._stand_for = 0

    def __iter__(self) -> Iterator[Piece]:
        for piece in self._pieces:
            for column in piece.columns:
                if column.name in (WEIGHT, PESO):
                    self._rows += len(column.values)
                    self._stand_for += int(column.values.sum())
            yield piece

    def about(self) -> dict[str, object]:
        """How many transfers were kept, of how many, and which share that is."""
        return {
            "kept": self._rows,
            "of": self._stand_for,
            "share": round(self._rows / self._stand_for, 4),
        }


def _check_whole(sampling: Sampling) -> None:
    """Nothing, if no transfer is left out: what events say of one depends on the others."""
    if sampling.one_in != WHOLE.one_in:
        raise invalid(
            Code.FIELD_VALUE,
            field="keep_one_in",
            expected="1 with --tables events",
            found=sampling.one_in,
            hint="What events say of a transfer depends on others; sample another set of tables.",
        )


def _write_tables(aside: Path, pieces: Iterable[Piece], layout: Layout) -> dict[str, int]:
    files = TableFiles(aside, layout)
    with closing(files):
        for piece in pieces:
            files.write(piece)
    return files.rows


def _about(
    world: World, table_set: TableSet, layout: Layout, sampling: Sampling
) -> dict[str, object]:
    options = world.options
    return {
        "version": WORLD_VERSION,
        "options": {
            "seed": options.seed,
            "start": options.start.isoformat(),
            "days": options.days,
            "past_days": options.past_days,
            "scale": f"{options.scale.normalize():f}",
            "prevalence": str(options.prevalence),
            "difficulty": options.difficulty,
            "adversary": Mode.STATIC if world.played is None else world.played.adversary,
            "policy": "allow" if world.played is None else world.played.policy,
        },
        "tables": table_set,
        "format": layout.file_format,
        "compression": layout.packed,
        "by_day": layout.by_day,
        "keep_one_in": sampling.one_in,
        "frauds": len(world.frauds),
        "typologies": {typology.code: typology.name for typology in world.typologies},
        "look_alikes": [look_alike.name for look_alike in world.look_alikes],
    }


def _about_faults(
    viewpoint: Viewpoint, rates: Mapping[str, int], written: WrittenFaults
) -> dict[str, object]:
    return {
        "viewpoint": viewpoint,
        "rates_millionths": dict(sorted(rates.items())),
        "sent": written.sent,
        "received": written.received,
        "done": dict(sorted(written.done.items())),
    }


def _write_manifest(path: Path, manifest: dict[str, object]) -> None:
    path.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    synced_sha256(path)


def synced_sha256(path: Path) -> str:
    """The SHA-256 of a file that is now on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _synced_digests(aside: Path) -> dict[str, str]:
    """The SHA-256 of each file by its path below the folder; files and folders are on disk."""
    paths = sorted(aside.rglob("*"))
    files = [path for path in paths if path.is_file()]
    digests = {path.relative_to(aside).as_posix(): synced_sha256(path) for path in files}
    for folder in (path for path in paths if path.is_dir()):
        sync_folder(folder)
    return digests

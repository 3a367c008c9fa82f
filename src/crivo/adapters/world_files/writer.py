"""Writes a world into a folder, whole or not at all: its tables, and `world.json` about them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from crivo.adapters.world_files.text import CsvTable, JsonLinesTable
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable, invalid
from crivo.simulator.tables import TABLES, Columns, tables
from crivo.simulator.world import Progress, World

MANIFEST: Final = "world.json"

#: Raised when equal options give other rows than before.
WORLD_VERSION: Final = 2


class WorldFormat(StrEnum):
    """How tables are written; the value is the ending of the files."""

    PARQUET = "parquet"
    JSON_LINES = "jsonl"
    CSV = "csv"


class Table(Protocol):
    """A table being written."""

    def write(self, columns: Columns) -> None:
        """Appends rows."""

    def close(self) -> None:
        """Writes what is left and closes the file."""


@dataclass(frozen=True, slots=True)
class Written:
    """What now lies in the folder: rows by table and SHA-256 by file name."""

    folder: Path
    rows: MappingProxyType[str, int]
    sha256: MappingProxyType[str, str]


def parse_format(text: str) -> WorldFormat:
    """The format of that name.

    Raises:
        Refused: FIELD_VALUE.
    """
    try:
        return WorldFormat(text)
    except ValueError:
        raise invalid(
            Code.FIELD_VALUE, field="format", expected=" or ".join(WorldFormat), found=text
        ) from None


def write_world(
    folder: Path,
    world: World,
    *,
    file_format: WorldFormat = WorldFormat.PARQUET,
    replace: bool = False,
    progress: Progress | None = None,
) -> Written:
    """The written world; until every file is whole and on disk, `folder` is as it was.

    Args:
        folder: Made; it may exist if it is empty, or with `replace` if it holds a world.
        world: What to write.
        file_format: Of all tables.
        replace: Whether a world that lies there gives way.
        progress: Called after each day.

    Raises:
        Refused: FILE_UNWRITABLE where something else lies there.
        Unavailable: FILE_UNWRITABLE where the disk refuses (full, read-only, no permission).
    """
    _check_target(folder, replace=replace)
    try:
        with _aside(folder) as aside:
            rows = _write_tables(aside, world, file_format, progress)
            sha256 = {path.name: _synced_sha256(path) for path in sorted(aside.iterdir())}
            _write_manifest(aside / MANIFEST, world, rows, sha256)
            _put_in_place(aside, folder)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"The world cannot be written to {folder}: {error.strerror or error}",
            hint="Nothing was left there. Make room or name another folder.",
            folder=str(folder),
        ) from error
    return Written(folder, MappingProxyType(rows), MappingProxyType(sha256))


def _check_target(folder: Path, *, replace: bool) -> None:
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        if replace and (folder / MANIFEST).is_file():
            return
    except OSError as error:
        raise Misconfigured(
            Code.FILE_UNWRITABLE,
            f"{folder} cannot be looked at: {error.strerror or error}",
            hint="Name another folder.",
            folder=str(folder),
        ) from error
    raise Refused(
        Code.FILE_UNWRITABLE,
        f"{folder} is not empty",
        hint="Name a new folder; only a folder that holds a world can be replaced.",
        field="folder",
        expected="a new or empty folder",
        found=str(folder),
    )


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder beside the target that is gone afterwards, unless it was moved into place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_tables(
    aside: Path, world: World, file_format: WorldFormat, progress: Progress | None
) -> dict[str, int]:
    rows = dict.fromkeys(TABLES, 0)
    with ExitStack() as stack:
        opened: dict[str, Table] = {}
        for name, columns in tables(world, progress):
            if name not in opened:
                opened[name] = _table(aside / f"{name}.{file_format}", file_format)
                stack.callback(opened[name].close)
            opened[name].write(columns)
            rows[name] += len(columns[0].values)
    return rows


def _table(path: Path, file_format: WorldFormat) -> Table:
    match file_format:
        case WorldFormat.PARQUET:
            # pyarrow is imported by whoever writes Parquet, and by nobody else.
            from crivo.adapters.world_files.parquet import ParquetTable

            return ParquetTable(path)
        case WorldFormat.JSON_LINES:
            return JsonLinesTable(path)
        case WorldFormat.CSV:
            return CsvTable(path)


def _write_manifest(path: Path, world: World, rows: dict[str, int], sha256: dict[str, str]) -> None:
    options = world.options
    manifest = {
        "version": WORLD_VERSION,
        "options": {
            "seed": options.seed,
            "start": options.start.isoformat(),
            "days": options.days,
            "past_days": options.past_days,
            "scale": f"{options.scale.normalize():f}",
            "prevalence": str(options.prevalence),
        },
        "frauds": len(world.frauds),
        "typologies": {typology.code: typology.name for typology in world.typologies},
        "look_alikes": [look_alike.name for look_alike in world.look_alikes],
        "rows": rows,
        "sha256": sha256,
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    _synced_sha256(path)


def _synced_sha256(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_in_place(aside: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)

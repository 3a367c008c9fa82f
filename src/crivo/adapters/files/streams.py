"""A folder of streams: the files of each table, day by day, as `crivo simulate` lays them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from crivo.adapters.files.reader import FileReader
from crivo.domain.errors import Code, Refused
from crivo.flows.ingest_streams import DayOfStreams
from crivo.flows.mapping import Mapping

_ENDINGS: Final = (".parquet", ".jsonl", ".ndjson", ".csv")
_DAY: Final = "data="


def days_of_streams(folder: Path, mapping: Mapping) -> list[DayOfStreams]:
    """The days of a folder that holds `<table>/data=<day>/<table>.<ending>`, the earliest first.

    A table that the folder lacks tells nothing: an institution sees only its own streams.

    Raises:
        Refused: FILE_UNREADABLE where none of the mapping's tables is there, or a day holds two
            files of one table; FIELD_MISSING where a file lacks a column.
    """
    tables = dict.fromkeys([mapping.transfers, *(told.table for told in mapping.told)])
    files = {table: _files(folder, table) for table in tables}
    days = sorted({day for found in files.values() for day in found})
    if not days:
        raise _unreadable(folder, f"a folder {_DAY}<day> of {', '.join(tables)}", "none")
    time = mapping.time.received or mapping.time.column
    made = []
    for day in days:
        transfers = _reader(files[mapping.transfers], day, mapping.columns())
        told = [
            (each, reader)
            for each in mapping.told
            if (reader := _reader(files[each.table], day, each.columns(time))) is not None
        ]
        made.append(DayOfStreams(transfers, tuple(told)))
    return made


def _reader(files: dict[str, Path], day: str, columns: Sequence[str]) -> FileReader | None:
    if day not in files:
        return None
    reader = FileReader(files[day])
    reader.check(columns)
    return reader


def _files(folder: Path, table: str) -> dict[str, Path]:
    """The file of each day."""
    found: dict[str, Path] = {}
    for path in sorted((folder / table).glob(f"{_DAY}*/*")):
        if path.suffix.lower() not in _ENDINGS:
            raise _unreadable(path, f"a file ending in {', '.join(_ENDINGS)}", path.name)
        day = path.parent.name.removeprefix(_DAY)
        if day in found:
            raise _unreadable(path, f"one file a day, as {found[day].name}", path.name)
        found[day] = path
    return found


def _unreadable(path: Path, expected: str, found: str) -> Refused:
    return Refused(
        Code.FILE_UNREADABLE,
        f"{path} must hold {expected}, found {found}",
        hint="`crivo simulate --tables events --format parquet` writes such a folder.",
        file=str(path),
        expected=expected,
        found=found,
    )

"""The open files of a world that is being written: one a table, or one a table and day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Protocol

from crivo.adapters.world_files.layout import Layout, WorldFormat
from crivo.adapters.world_files.text import CsvTable, JsonLinesTable
from crivo.simulator.columns import Columns, Piece


class Table(Protocol):
    """A table being written."""

    def write(self, columns: Columns) -> None:
        """Appends rows."""

    def close(self) -> None:
        """Writes what is left and closes the file."""


class TableFiles:
    """Writes pieces into files under a folder, and counts the rows of each table.

    By day, a table with days is a folder of folders `data=2026-08-03` (a Brasília date) with one
    file each; days come in order, so that at most one of them is open.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder = folder
        self._layout = layout
        self._open: dict[str, tuple[dt.date | None, Table]] = {}
        self.rows: dict[str, int] = {}

    def write(self, piece: Piece) -> None:
        """Appends the piece to its file."""
        day = piece.day if self._layout.by_day else None
        opened = self._open.get(piece.table)
        if opened is not None and opened[0] != day:
            del self._open[piece.table]
            opened[1].close()
            opened = None
        if opened is None:
            opened = (day, self._table(self._path(piece.table, day)))
            self._open[piece.table] = opened
        opened[1].write(piece.columns)
        self.rows[piece.table] = self.rows.get(piece.table, 0) + len(piece)

    def close(self) -> None:
        """Closes every file; each, even where one before it cannot be written."""
        while self._open:
            _, (_, table) = self._open.popitem()
            try:
                table.close()
            finally:
                if self._open:
                    self.close()

    def _path(self, table: str, day: dt.date | None) -> Path:
        if day is None:
            return self._folder / f"{table}{self._layout.ending}"
        folder = self._folder / table / f"data={day.isoformat()}"
        folder.mkdir(parents=True)
        return folder / f"{table}{self._layout.ending}"

    def _table(self, path: Path) -> Table:
        match self._layout.file_format:
            case WorldFormat.PARQUET:
                # pyarrow is imported by whoever writes Parquet, and by nobody else.
                from crivo.adapters.world_files.parquet import ParquetTable

                return ParquetTable(path, self._layout.packed)
            case WorldFormat.JSON_LINES:
                return JsonLinesTable(path, self._layout.packed)
            case WorldFormat.CSV:
                return CsvTable(path, self._layout.packed)

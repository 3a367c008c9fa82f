"""Refused rows in their own SQLite file, one row a (source, row number), with the cause."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, cast

import apsw

from crivo.adapters.sqlite.connection import open_connection, transaction
from crivo.domain.errors import Code, Unavailable
from crivo.flows.ports import QuarantinedRow

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS quarantine (
    source TEXT NOT NULL, row_number INTEGER NOT NULL, code TEXT NOT NULL, field TEXT NOT NULL,
    expected TEXT NOT NULL, found TEXT NOT NULL, hint TEXT NOT NULL, raw TEXT NOT NULL,
    at INTEGER NOT NULL, "column" TEXT NOT NULL DEFAULT '', PRIMARY KEY (source, row_number)
) STRICT, WITHOUT ROWID
"""
#: For a file that was made before rows named their column.
_ADD_COLUMN: Final = """ALTER TABLE quarantine ADD COLUMN "column" TEXT NOT NULL DEFAULT ''"""

_COLUMNS: Final = attrgetter(*QuarantinedRow.__slots__)


class SqliteQuarantine:
    """A `Quarantine`. Safe to call from several threads."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = open_connection(path, vfs=vfs)
        self._connection.execute(_TABLE)
        there = self._connection.execute("SELECT name FROM pragma_table_info('quarantine')")
        if ("column",) not in there.fetchall():
            self._connection.execute(_ADD_COLUMN)

    def put(self, rows: Sequence[QuarantinedRow]) -> None:
        """Keeps the rows, durable before it returns.

        Raises:
            Unavailable: FILE_UNWRITABLE; none of the rows is kept.
        """
        try:
            with self._lock, transaction(self._connection):
                self._connection.executemany(
                    "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [_COLUMNS(row) for row in rows],
                )
        except apsw.Error as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the quarantine does not write: {error}",
                hint="Look at the disk, then send the same again.",
            ) from error

    def rows(self, *, limit: int) -> list[QuarantinedRow]:
        """The first `limit` rows by (source, row number)."""
        with self._lock:
            found = self._connection.execute(
                "SELECT * FROM quarantine ORDER BY source, row_number LIMIT ?", (limit,)
            ).fetchall()
        return [_quarantined(row) for row in found]

    def find(self, source: str, row_number: int) -> QuarantinedRow | None:
        """The row of that source and number, if it waits."""
        with self._lock:
            found = self._connection.execute(
                "SELECT * FROM quarantine WHERE source = ? AND row_number = ?", (source, row_number)
            ).fetchall()
        return _quarantined(found[0]) if found else None

    def counts(self) -> dict[Code, int]:
        """How many rows wait, by cause."""
        with self._lock:
            found = self._connection.execute(
                "SELECT code, count(*) FROM quarantine GROUP BY code ORDER BY code"
            ).fetchall()
        return {Code(cast("str", code)): cast("int", count) for code, count in found}

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()


def _quarantined(row: tuple[Any, ...]) -> QuarantinedRow:
    source, row_number, code, *rest = row
    return QuarantinedRow(source, row_number, Code(code), *rest)

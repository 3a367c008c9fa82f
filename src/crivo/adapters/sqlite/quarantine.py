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
    at INTEGER NOT NULL, "column" TEXT NOT NULL DEFAULT '', identity TEXT NOT NULL DEFAULT '',
    mended_at INTEGER NOT NULL DEFAULT 0, dismissed_at INTEGER NOT NULL DEFAULT 0,
    dismissed_by TEXT NOT NULL DEFAULT '', PRIMARY KEY (source, row_number)
) STRICT, WITHOUT ROWID
"""
#: In their order, for a file that was made before rows had them.
_ADDED: Final = {
    "column": """ALTER TABLE quarantine ADD COLUMN "column" TEXT NOT NULL DEFAULT ''""",
    "identity": "ALTER TABLE quarantine ADD COLUMN identity TEXT NOT NULL DEFAULT ''",
    "mended_at": "ALTER TABLE quarantine ADD COLUMN mended_at INTEGER NOT NULL DEFAULT 0",
    "dismissed_at": "ALTER TABLE quarantine ADD COLUMN dismissed_at INTEGER NOT NULL DEFAULT 0",
    "dismissed_by": "ALTER TABLE quarantine ADD COLUMN dismissed_by TEXT NOT NULL DEFAULT ''",
}

#: What became of a row stays with it when the same is refused again.
_PUT: Final = """
INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, row_number) DO UPDATE SET
    mended_at = iif(identity = excluded.identity, mended_at, excluded.mended_at),
    dismissed_at = iif(identity = excluded.identity AND code = excluded.code, dismissed_at, 0),
    dismissed_by = iif(identity = excluded.identity AND code = excluded.code, dismissed_by, ''),
    code = excluded.code, field = excluded.field, expected = excluded.expected,
    found = excluded.found, hint = excluded.hint, raw = excluded.raw, at = excluded.at,
    "column" = excluded."column", identity = excluded.identity
"""
#: By it the rows of one identity are found, whatever their files: no write reads all that is kept.
_INDEX: Final = "CREATE INDEX IF NOT EXISTS quarantine_identity ON quarantine (identity)"
#: Whatever came in mended is in the log, in whichever file its row is refused again.
_PUT_MENDED: Final = """
UPDATE quarantine SET mended_at =
    (SELECT max(came.mended_at) FROM quarantine AS came WHERE came.identity = quarantine.identity)
WHERE source = ? AND row_number = ? AND mended_at = 0 AND identity != ''
"""

_SELECT: Final = "SELECT * FROM quarantine "
_WAITING: Final = "WHERE mended_at = 0 AND dismissed_at = 0 "
_DISMISS: Final = """
UPDATE quarantine SET dismissed_at = ?, dismissed_by = ?
WHERE source = ? AND row_number = ? AND mended_at = 0 AND dismissed_at = 0
"""
_IDENTITIES: Final = """
SELECT identity FROM quarantine WHERE identity != '' AND mended_at = 0 AND dismissed_at = 0
"""
_COUNTS: Final = """
SELECT code, count(*) FROM quarantine WHERE mended_at = 0 AND dismissed_at = 0
GROUP BY code ORDER BY code
"""

_COLUMNS: Final = attrgetter(*QuarantinedRow.__slots__)


class SqliteQuarantine:
    """A `Quarantine`. Safe to call from several threads."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = open_connection(path, vfs=vfs)
        self._connection.execute(_TABLE)
        there = self._connection.execute("SELECT name FROM pragma_table_info('quarantine')")
        names = {name for (name,) in there.fetchall()}
        for name, statement in _ADDED.items():
            if name not in names:
                self._connection.execute(statement)
        self._connection.execute(_INDEX)

    def put(self, rows: Sequence[QuarantinedRow]) -> None:
        """Keeps the rows, durable before it returns.

        Raises:
            Unavailable: FILE_UNWRITABLE; none of the rows is kept.
        """
        places = [(row.source, row.row_number) for row in rows]
        self._write((_PUT, [_COLUMNS(row) for row in rows]), (_PUT_MENDED, places))

    def mend(self, identities: Sequence[str], *, at: int) -> None:
        """Notes that rows of these identities came in, durable before it returns.

        Raises:
            Unavailable: FILE_UNWRITABLE; none of them is noted.
        """
        statement = "UPDATE quarantine SET mended_at = ? WHERE identity = ? AND mended_at = 0"
        self._write((statement, [(at, identity) for identity in identities]))

    def dismiss(self, source: str, row_number: int, *, at: int, by: str) -> None:
        """Notes who says that nothing is to be done about a row, durable before it returns.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is noted.
        """
        self._write((_DISMISS, [(at, by, source, row_number)]))

    def _write(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        try:
            with self._lock, transaction(self._connection):
                for statement, rows in statements:
                    self._connection.executemany(statement, rows)
        except apsw.Error as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the quarantine does not write: {error}",
                hint="Look at the disk, then send the same again.",
            ) from error

    def rows(self, *, limit: int, settled: bool = False) -> list[QuarantinedRow]:
        """The first `limit` rows that wait by (source, row number); with `settled` others too."""
        which = "" if settled else _WAITING
        return self._rows(which + " ORDER BY source, row_number LIMIT ?", limit)

    def find(self, source: str, row_number: int) -> list[QuarantinedRow]:
        """The row of that source and number; where there is none, those of files of that name."""
        own = self._rows("WHERE source = ? AND row_number = ?", source, row_number)
        return own or self._rows(
            "WHERE source GLOB ? || '@*' AND row_number = ?", _no_pattern(source), row_number
        )

    def waiting(self) -> set[str]:
        """The identities of the rows that wait and have one."""
        with self._lock:
            found = self._connection.execute(_IDENTITIES).fetchall()
        return {cast("str", identity) for (identity,) in found}

    def _rows(self, which: str, *values: str | int) -> list[QuarantinedRow]:
        with self._lock:
            found = self._connection.execute(_SELECT + which, values).fetchall()
        return [_quarantined(row) for row in found]

    def counts(self) -> dict[Code, int]:
        """How many rows wait, by cause."""
        with self._lock:
            found = self._connection.execute(_COUNTS).fetchall()
        return {Code(cast("str", code)): cast("int", count) for code, count in found}

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()


def _no_pattern(text: str) -> str:
    """A text whose letters stand for themselves in a GLOB."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


def _quarantined(row: tuple[Any, ...]) -> QuarantinedRow:
    source, row_number, code, *rest = row
    return QuarantinedRow(source, row_number, Code(code), *rest)

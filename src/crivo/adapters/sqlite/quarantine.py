"""Refused rows in their own SQLite file, one row a (source, row number), with the cause.

What quotes a row is sealed: its cells and the words about them. Rows of a release before that lie
in clear, and are read as they are.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import apsw
import msgspec

from crivo.adapters.sqlite.connection import asked_of, open_connection, transaction
from crivo.domain.errors import Code, CrivoError, Unavailable
from crivo.flows.ports import QuarantinedRow
from crivo.governance.refused_cipher import Beside, RefusedCipher

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS quarantine (
    source TEXT NOT NULL, row_number INTEGER NOT NULL, code TEXT NOT NULL, field TEXT NOT NULL,
    expected TEXT NOT NULL, found TEXT NOT NULL, hint TEXT NOT NULL, raw TEXT NOT NULL,
    at INTEGER NOT NULL, "column" TEXT NOT NULL DEFAULT '', identity TEXT NOT NULL DEFAULT '',
    mended_at INTEGER NOT NULL DEFAULT 0, dismissed_at INTEGER NOT NULL DEFAULT 0,
    dismissed_by TEXT NOT NULL DEFAULT '', sealed BLOB, PRIMARY KEY (source, row_number)
) STRICT, WITHOUT ROWID
"""
#: In their order, for a file that was made before rows had them.
_ADDED: Final = {
    "column": """ALTER TABLE quarantine ADD COLUMN "column" TEXT NOT NULL DEFAULT ''""",
    "identity": "ALTER TABLE quarantine ADD COLUMN identity TEXT NOT NULL DEFAULT ''",
    "mended_at": "ALTER TABLE quarantine ADD COLUMN mended_at INTEGER NOT NULL DEFAULT 0",
    "dismissed_at": "ALTER TABLE quarantine ADD COLUMN dismissed_at INTEGER NOT NULL DEFAULT 0",
    "dismissed_by": "ALTER TABLE quarantine ADD COLUMN dismissed_by TEXT NOT NULL DEFAULT ''",
    "sealed": "ALTER TABLE quarantine ADD COLUMN sealed BLOB",
}

#: What became of a row stays with it when the same is refused again.
_PUT: Final = """
INSERT INTO quarantine VALUES (?, ?, ?, '', '', '', '', '', ?, '', ?, ?, ?, ?, ?)
ON CONFLICT (source, row_number) DO UPDATE SET
    mended_at = iif(identity = excluded.identity, mended_at, excluded.mended_at),
    dismissed_at = iif(identity = excluded.identity AND code = excluded.code, dismissed_at, 0),
    dismissed_by = iif(identity = excluded.identity AND code = excluded.code, dismissed_by, ''),
    code = excluded.code, field = '', expected = '', found = '', hint = '', raw = '',
    at = excluded.at, "column" = '', identity = excluded.identity, sealed = excluded.sealed
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


class _Quoting(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The texts that may quote the row. Append only."""

    field: str
    column: str
    expected: str
    found: str
    hint: str
    raw: str


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Quoting)


class SqliteQuarantine:
    """A `Quarantine`. Safe to call from several threads.

    Whatever asks it raises FILE_UNREADABLE where the file is damaged, or cannot be read now. A row
    whose texts do not open is told without them, and why.

    Args:
        path: The file.
        cipher: What seals and opens the texts.
        vfs: SQLite's, for tests.
    """

    def __init__(self, path: Path, cipher: RefusedCipher, *, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._cipher = cipher
        self._connection = open_connection(path, vfs=vfs)
        with asked_of(path):
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
            Misconfigured: as `RefusedCipher.seal`.
            Unavailable: FILE_UNWRITABLE; none of the rows is kept.
        """
        places = [(row.source, row.row_number) for row in rows]
        self._write((_PUT, [self._stored(row) for row in rows]), (_PUT_MENDED, places))

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
        return {cast("str", identity) for (identity,) in self._asked(_IDENTITIES)}

    def _rows(self, which: str, *values: str | int) -> list[QuarantinedRow]:
        return [self._quarantined(*row) for row in self._asked(_SELECT + which, *values)]

    def _stored(self, row: QuarantinedRow) -> tuple[Any, ...]:
        quoting = _Quoting(row.field, row.column, row.expected, row.found, row.hint, row.raw)
        sealed = self._cipher.seal(_ENCODER.encode(quoting), beside=_beside(row))
        settled = (row.mended_at, row.dismissed_at, row.dismissed_by)
        place = (row.source, row.row_number)
        return (*place, row.code, row.at, row.identity, *settled, sealed)

    def _quarantined(self, source: str, row_number: int, code: str, *rest: Any) -> QuarantinedRow:
        *texts, sealed = rest
        row = QuarantinedRow(source, row_number, Code(code), *texts)
        if sealed is None:
            return row
        where = f"row {row_number} of {source}"
        try:
            found = self._cipher.open(sealed, beside=_beside(row), where=where)
        except CrivoError as error:
            return replace(row, unopened=error)
        return replace(row, **msgspec.structs.asdict(_DECODER.decode(found)))

    def counts(self) -> dict[Code, int]:
        """How many rows wait, by cause."""
        found = self._asked(_COUNTS)
        return {Code(cast("str", code)): cast("int", count) for code, count in found}

    def _asked(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._lock, asked_of(self._path):
            return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()


def _no_pattern(text: str) -> str:
    """A text whose letters stand for themselves in a GLOB."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


def _beside(row: QuarantinedRow) -> Beside:
    """What of a row stays readable, but for what becomes of it later."""
    return "row", row.source, row.row_number, row.code.value, row.at, row.identity

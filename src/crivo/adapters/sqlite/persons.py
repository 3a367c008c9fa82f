"""Keys of persons in their own SQLite file, wrapped by the master key: erased ones are gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, cast

import apsw

from crivo.adapters.sqlite.connection import (
    asked_of,
    open_connection,
    open_for_reading,
    transaction,
)
from crivo.domain.errors import Code, Unavailable
from crivo.governance.identity import PersonKey
from crivo.governance.record_cipher import unwrap, wrap

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS keys (
    key_id BLOB PRIMARY KEY, subject BLOB NOT NULL, made_at INTEGER NOT NULL, wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS keys_by_subject ON keys (subject, made_at);
CREATE TABLE IF NOT EXISTS aliases (
    alias BLOB NOT NULL, subject BLOB NOT NULL, PRIMARY KEY (alias, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_by_subject ON aliases (subject);
CREATE TABLE IF NOT EXISTS receipts (
    subject BLOB PRIMARY KEY, newest_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS this_file (
    place INTEGER PRIMARY KEY CHECK (place = 1), id BLOB NOT NULL
) STRICT;
"""

#: What is forgotten with a subject's keys: where another process has made it a new one meanwhile,
#: these belong to what is sealed under that.
_UNLESS_ANEW: Final = "subject = ? AND subject NOT IN (SELECT subject FROM keys)"

_KEEP_RECEIPT: Final = (
    "INSERT INTO receipts VALUES (?, ?)"
    " ON CONFLICT (subject) DO UPDATE SET newest_at = max(newest_at, excluded.newest_at)"
)

_Row = tuple[bytes, bytes, int, bytes]


class SqlitePersonKeys:
    """`PersonKeys` in a file. Safe in several threads; each commit is synced.

    Whatever asks it raises FILE_UNREADABLE where the file is damaged, or cannot be read now.

    Args:
        path: The file; made with mode 0600.
        master: The master key, made where there may be none yet; asked for at the first key.
    """

    def __init__(self, path: Path, *, master: Callable[[], bytes], vfs: str | None = None) -> None:
        self._master: Final = master
        self._lock: Final = threading.Lock()
        self._path: Final = path
        self._connection = open_connection(path, vfs=vfs)
        with asked_of(path):
            # What is deleted is overwritten, not only forgotten.
            self._connection.execute("PRAGMA secure_delete = ON").fetchall()
            with transaction(self._connection):
                self._connection.execute(_TABLES)

    def file_id(self, new: bytes) -> bytes:
        """What tells this file from another: `new`, where nothing told it before."""
        with self._lock, asked_of(self._path), transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO this_file VALUES (1, ?)", (new,))
            ((found,),) = self._connection.execute("SELECT id FROM this_file").fetchall()
        return cast("bytes", found)

    def newest(self, subject: bytes) -> PersonKey | None:
        """The key that seals for a subject."""
        return self._one("subject = ? ORDER BY made_at DESC, key_id LIMIT 1", subject)

    def key(self, key_id: bytes) -> PersonKey | None:
        """The key of this id; None once it was erased."""
        return self._one("key_id = ?", key_id)

    def add(
        self,
        keys: Sequence[PersonKey],
        aliases: Sequence[tuple[bytes, bytes]],
        receipts: Mapping[bytes, int],
    ) -> None:
        """Keeps keys, other pseudonyms of subjects and their receipts, together and durably.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is kept.
        """
        master = self._master()
        rows = [(key.key_id, key.subject, key.made_at, wrap(master, key.secret)) for key in keys]
        try:
            with self._lock, transaction(self._connection):
                self._connection.executemany("INSERT INTO keys VALUES (?, ?, ?, ?)", rows)
                self._connection.executemany("INSERT OR IGNORE INTO aliases VALUES (?, ?)", aliases)
                self._connection.executemany(_KEEP_RECEIPT, receipts.items())
        except apsw.Error as error:
            raise _unwritable(error) from error

    def subjects(self, ids: Sequence[bytes]) -> frozenset[bytes]:
        """The subjects that bear one of these pseudonyms, or have it as an alias."""
        query = (
            "SELECT subject FROM keys WHERE subject = ?"
            " UNION SELECT subject FROM aliases WHERE alias = ?"
        )
        return frozenset(row[0] for each in ids for row in self._rows(query, each, each))

    def aliases(self, subjects: Sequence[bytes]) -> frozenset[bytes]:
        """The other pseudonyms of these subjects."""
        query = "SELECT alias FROM aliases WHERE subject = ?"
        return frozenset(row[0] for each in subjects for row in self._rows(query, each))

    def newest_receipt(self, subject: bytes) -> int | None:
        """The newest receipt that was kept of a subject."""
        rows = self._rows("SELECT newest_at FROM receipts WHERE subject = ?", subject)
        return cast("int", rows[0][0]) if rows else None

    def erase(self, subject: bytes) -> int:
        """How many keys of the subject there were: there are none any more, nor their bytes.

        Whom another process makes a new key meanwhile keeps its aliases and receipt.

        Raises:
            Unavailable: FILE_UNWRITABLE; `subjects` finds it still, and it may be done again.
        """
        connection = self._connection
        try:
            with self._lock:
                with transaction(connection):
                    connection.execute("DELETE FROM keys WHERE subject = ?", (subject,))
                    count = connection.changes()
                    # Until its bytes are gone too it is found, by itself or by what it was by.
                    connection.execute(
                        "INSERT OR IGNORE INTO aliases VALUES (?, ?)", (subject, subject)
                    )
                self._overwrite()
                with transaction(connection):
                    for table in ("aliases", "receipts"):
                        connection.execute(
                            f"DELETE FROM {table} WHERE {_UNLESS_ANEW}",  # noqa: S608
                            (subject,),
                        )
        except apsw.Error as error:
            raise _unwritable(error) from error
        return count

    def _overwrite(self) -> None:
        """Moves what was committed into the file: till then both hold the pages as they were.

        Raises:
            Unavailable: FILE_UNWRITABLE where another reads them for longer than a lock is awaited.
        """
        busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        if busy:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                "the bytes of an erased key are still in the file: another process reads it",
                hint="End what reads keys/persons.sqlite, such as a copy of it, and ask again.",
            )

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _one(self, where: str, value: bytes) -> PersonKey | None:
        query = f"SELECT key_id, subject, made_at, wrapped FROM keys WHERE {where}"  # noqa: S608
        rows = self._rows(query, value)
        if not rows:
            return None
        key_id, subject, made_at, wrapped = cast("_Row", rows[0])
        return PersonKey(key_id, subject, made_at, unwrap(self._master(), wrapped, number=0))

    def _rows(self, query: str, *values: bytes) -> list[tuple[Any, ...]]:
        with self._lock, asked_of(self._path):
            return self._connection.execute(query, values).fetchall()


def holds_keys(path: Path) -> bool:
    """Whether the file, which is there, holds a key.

    Raises:
        Misconfigured, Unavailable: FILE_UNREADABLE.
    """
    with closing(open_for_reading(path)) as connection, asked_of(path):
        return bool(connection.execute("SELECT 1 FROM keys LIMIT 1").fetchall())


def _unwritable(error: apsw.Error) -> Unavailable:
    return Unavailable(
        Code.FILE_UNWRITABLE,
        f"the keys of persons cannot be written: {error}",
        hint="Look at the disk; no identity is kept without its key.",
    )

"""Keys of persons in their own SQLite file, wrapped by the master key: erased ones are gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

import apsw

from crivo.adapters.sqlite.connection import open_connection, transaction
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
"""

_Row = tuple[bytes, bytes, int, bytes]


class SqlitePersonKeys:
    """`PersonKeys` in a file. Safe in several threads; each commit is synced.

    Args:
        path: The file; made with mode 0600.
        master: The master key, made where there is none yet; asked for at the first key.
    """

    def __init__(self, path: Path, *, master: Callable[[], bytes], vfs: str | None = None) -> None:
        self._master: Final = master
        self._lock: Final = threading.Lock()
        self._connection = open_connection(path, vfs=vfs)
        # What is deleted is overwritten, not only forgotten.
        self._connection.execute("PRAGMA secure_delete = ON").fetchall()
        with transaction(self._connection):
            self._connection.execute(_TABLES)

    def newest(self, subject: bytes) -> PersonKey | None:
        """The key that seals for a subject."""
        return self._one("subject = ? ORDER BY made_at DESC, key_id LIMIT 1", subject)

    def key(self, key_id: bytes) -> PersonKey | None:
        """The key of this id; None once it was erased."""
        return self._one("key_id = ?", key_id)

    def add(self, keys: Sequence[PersonKey], aliases: Sequence[tuple[bytes, bytes]]) -> None:
        """Keeps keys, and other pseudonyms of subjects, together and durably.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is kept.
        """
        master = self._master()
        rows = [(key.key_id, key.subject, key.made_at, wrap(master, key.secret)) for key in keys]
        try:
            with self._lock, transaction(self._connection):
                self._connection.executemany("INSERT INTO keys VALUES (?, ?, ?, ?)", rows)
                self._connection.executemany("INSERT OR IGNORE INTO aliases VALUES (?, ?)", aliases)
        except apsw.Error as error:
            raise _unwritable(error) from error

    def subjects(self, ids: Sequence[bytes]) -> frozenset[bytes]:
        """The subjects that bear one of these pseudonyms, or have it as an alias."""
        found: set[bytes] = set()
        with self._lock:
            for each in ids:
                found |= {
                    row[0]
                    for row in self._connection.execute(
                        "SELECT subject FROM keys WHERE subject = ?"
                        " UNION SELECT subject FROM aliases WHERE alias = ?",
                        (each, each),
                    )
                }
        return frozenset(found)

    def aliases(self, subjects: Sequence[bytes]) -> frozenset[bytes]:
        """The other pseudonyms of these subjects."""
        query = "SELECT alias FROM aliases WHERE subject = ?"
        with self._lock:
            rows = [row for each in subjects for row in self._connection.execute(query, (each,))]
        return frozenset(cast("tuple[bytes]", row)[0] for row in rows)

    def erase(self, subject: bytes) -> int:
        """How many keys of the subject there were: there are none any more, nor their bytes.

        Raises:
            Unavailable: FILE_UNWRITABLE; it may be done again.
        """
        try:
            with self._lock:
                with transaction(self._connection):
                    self._connection.execute("DELETE FROM keys WHERE subject = ?", (subject,))
                    count = self._connection.changes()
                    self._connection.execute("DELETE FROM aliases WHERE subject = ?", (subject,))
                # The write-ahead log still holds the pages as they were.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.Error as error:
            raise _unwritable(error) from error
        return count

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _one(self, where: str, value: bytes) -> PersonKey | None:
        query = f"SELECT key_id, subject, made_at, wrapped FROM keys WHERE {where}"  # noqa: S608
        with self._lock:
            rows = self._connection.execute(query, (value,)).fetchall()
        if not rows:
            return None
        key_id, subject, made_at, wrapped = cast("_Row", rows[0])
        return PersonKey(key_id, subject, made_at, unwrap(self._master(), wrapped, number=0))


def _unwritable(error: apsw.Error) -> Unavailable:
    return Unavailable(
        Code.FILE_UNWRITABLE,
        f"the keys of persons cannot be written: {error}",
        hint="Look at the disk; no identity is kept without its key.",
    )

"""Opening a SQLite file the way every store of Crivo needs it: WAL, and synced at each commit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw

from crivo.domain.errors import Code, Misconfigured, Unavailable

#: How long one connection waits for another's lock (a checkpoint, the recovery of a WAL).
BUSY_MS: Final = 5_000

#: Pages in the write-ahead log from which a commit moves them into the file (4 KiB each).
CHECKPOINT_PAGES: Final = 4_000

CACHE_KIB: Final = 65_536

#: Logs, projections and quarantine hold what people did: their owner alone reads them.
PRIVATE_MODE: Final = 0o600


def open_connection(path: Path, *, vfs: str | None = None) -> apsw.Connection:
    """A connection that syncs at each commit (WAL, synchronous FULL) and makes the file if needed.

    Only the file's owner may read it; SQLite gives the files beside it the same mode.

    Raises:
        Misconfigured: FILE_UNREADABLE where the file is no SQLite database, or a damaged one.
        Unavailable: FILE_UNWRITABLE where it cannot be opened.
    """
    _keep_private(path)
    try:
        connection = apsw.Connection(str(path), vfs=vfs)
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL").fetchall()
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
    except apsw.NotADBError as error:
        raise _no_database(path, error) from error
    except DAMAGE as error:
        raise damaged(path, error) from error
    except apsw.Error as error:
        raise _unwritable(path, error) from error
    return connection


def open_for_reading(path: Path, *, vfs: str | None = None) -> apsw.Connection:
    """A connection that changes nothing, to a file that another process may be writing.

    It is opened read-write and then restricted: a reader of a WAL needs the shared-memory file.

    Raises:
        Misconfigured: FILE_UNREADABLE where there is no such file, or no database in it.
    """
    if not path.exists():
        raise Misconfigured(
            Code.FILE_UNREADABLE, f"{path} does not exist", hint="Nothing was written there yet."
        )
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
        connection.set_busy_timeout(BUSY_MS)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("PRAGMA query_only = 1").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except (apsw.NotADBError, apsw.CantOpenError, apsw.CorruptError) as error:
        raise _no_database(path, error) from error
    return connection


@contextlib.contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """What is written inside is kept together or not at all.

    A connection is a context manager of its own, but holds Python's lock while it commits: every
    thread of a service waited for its sync (up to 30 ms at a checkpoint).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def asked_of(path: Path) -> Iterator[None]:
    """What is asked of a file inside fails with a code.

    Raises:
        Misconfigured: FILE_UNREADABLE where the file is damaged.
        Unavailable: FILE_UNREADABLE where it cannot be read now.
    """
    try:
        yield
    except DAMAGE as error:
        raise damaged(path, error) from error
    except apsw.Error as error:
        raise Unavailable(
            Code.FILE_UNREADABLE,
            f"{path} cannot be read: {error}",
            hint="Look at its disk, and at what else holds the file.",
            path=str(path),
        ) from error


def _keep_private(path: Path) -> None:
    """Makes the file with its mode, or takes from others what an older version let them read."""
    try:
        # A file that is there is never opened here: closing it would drop SQLite's own locks.
        if path.exists():
            if path.stat().st_mode & 0o077:
                path.chmod(PRIVATE_MODE)
        else:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE))
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> Unavailable:
    return Unavailable(
        Code.FILE_UNWRITABLE,
        f"{path} cannot be opened: {error}",
        hint="Its folder must exist and be writable, with room on the disk.",
        path=str(path),
    )


#: What SQLite says of a file whose bytes were changed behind its back.
DAMAGE: Final = (
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.FormatError,
    apsw.SQLError,
    UnicodeDecodeError,
)


def damaged(path: Path, error: Exception) -> Misconfigured:
    """A file of Crivo that is no longer what was written: FILE_UNREADABLE."""
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} is damaged: {error}",
        hint="Keep it as it is for whoever asks why, and restore it from its newest copy.",
        path=str(path),
        expected="a database as it was written",
        found=str(error),
    )


def _no_database(path: Path, error: apsw.Error) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} is no database of Crivo: {error}",
        hint="Give another path, or restore the file.",
        path=str(path),
    )

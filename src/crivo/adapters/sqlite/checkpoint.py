"""Moving the write-ahead log into the file beside the commits, so that no answer waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Final

import apsw

#: Pages (4 KiB) written since the last request from which the thread moves what is there.
REQUEST_PAGES: Final = 500

#: Pages in the write-ahead log from which a commit moves the rest itself. By then nearly all of
#: them were moved, and only a commit can see the last one moved, after which the log starts anew.
COMMIT_PAGES: Final = 4_000


class Checkpointer:
    """A thread with its own connection. `watch` makes another connection's commits wake it.

    A commit that moved the pages itself took 30 ms now and then; beside it they take no time.
    """

    def __init__(self, open_file: Callable[[], apsw.Connection]) -> None:
        self._connection = open_file()
        self._connection.wal_autocheckpoint(0)
        self._wanted = threading.Event()
        self._closing = False
        self._requested_at = 0
        self._thread = threading.Thread(
            target=self._run, name="crivo-log-checkpointer", daemon=True
        )
        self._thread.start()

    def watch(self, connection: apsw.Connection) -> None:
        """From now on each commit of this connection looks at the length of the log."""
        connection.set_wal_hook(self._committed)

    def close(self) -> None:
        """Ends the thread."""
        self._closing = True
        self._wanted.set()
        self._thread.join()

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        if pages < self._requested_at:
            # The log started anew.
            self._requested_at = 0
        if pages >= COMMIT_PAGES:
            # Busy: the thread is at it this very moment, and the next commit looks again.
            with contextlib.suppress(apsw.BusyError):
                connection.wal_checkpoint(database, apsw.SQLITE_CHECKPOINT_PASSIVE)
        if pages - self._requested_at >= REQUEST_PAGES:
            self._requested_at = pages
            self._wanted.set()
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._closing:
                break
            # A disk that fails here fails the commit that finds the log too long, and is told of.
            with contextlib.suppress(apsw.Error):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._connection.close()

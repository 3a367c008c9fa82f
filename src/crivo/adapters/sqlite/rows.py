"""A log's file that takes rows as another log stored them, under their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from crivo.adapters.sqlite.connection import asked_of, open_connection
from crivo.adapters.sqlite.lock import WriterLock, lock_file
from crivo.adapters.sqlite.schema import (
    create_tables,
    insert_events,
    read_end,
    read_manifest,
    read_positions,
)
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Manifest


class SqliteRows:
    """A `RowLog` at `path`, made like the log whose rows it takes where there is none. Who holds it
    is the file's one writer.

    Raises:
        Unavailable: LOG_LOCKED while another process writes it.
        Misconfigured: LOG_MISMATCH where another log is there, FILE_UNREADABLE where it is damaged.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self._lock = WriterLock(lock_file(path))
        try:
            self._connection = open_connection(path)
            with asked_of(path):
                there = read_manifest(self._connection)
                if there is None:
                    create_tables(self._connection, manifest)
                self._positions = read_positions(self._connection)
                self._end = read_end(self._connection)
            if there not in (None, manifest):
                raise Misconfigured(
                    Code.LOG_MISMATCH,
                    f"{path} holds another log",
                    hint="Give this one a home folder of its own, or that one its own space: "
                    "kafka://HOST:PORT/NAME.",
                    field="log_id",
                    expected=manifest,
                    found=there,
                )
        except (Misconfigured, Unavailable):
            self._lock.release()
            raise

    def append_stored(self, rows: Sequence[EventRow]) -> None:
        """Appends rows, which follow upon what is here; they are durable when it returns.

        What counts there is the order of each partition: offsets here have no gaps.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        positions = dict(self._positions)
        placed: list[EventRow] = []
        for seq, row in enumerate(rows, self._end):
            assert row[0] == seq, "rows follow upon one another"
            place = row[1], row[2]
            offset, order_time = positions.get(place, (0, 0))
            positions[place] = offset + 1, max(order_time, row[7])
            placed.append((*row[:3], offset, *row[4:]))
        try:
            insert_events(self._connection, placed)
        except apsw.Error as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"{self._path} does not take what brokers hold: {error}",
                hint="Look at the disk; what was taken is there, and the rest is taken next time.",
                file=str(self._path),
            ) from error
        self._positions = positions
        self._end += len(rows)

    def end(self) -> int:
        """The number that follows the newest row."""
        return self._end

    def close(self) -> None:
        """Closes the file and frees the writer's lock."""
        self._connection.close(True)
        self._lock.release()

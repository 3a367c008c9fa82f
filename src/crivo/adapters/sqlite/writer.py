"""The thread that writes the log's file: a group is one transaction and one sync."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

import apsw

from crivo.adapters.sqlite.checkpoint import Checkpointer
from crivo.adapters.sqlite.schema import insert_events, read_end
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.copy_log import RowLog
from crivo.flows.event_rows import EventRow
from crivo.flows.group_commit import Failed, GroupCommit, Notify, Submission, call_directly

#: Waits between attempts to write the same bytes again: doubled from the first to the last.
RETRY_SECONDS: Final = (0.01, 1.0)


class GroupWriter(GroupCommit[Submission]):
    """A `GroupCommit` into a log's file; it writes from the start.

    Where another log has to take what is written `first`, the file never holds what that does not.
    """

    def __init__(
        self,
        open_file: Callable[[], apsw.Connection],
        *,
        settled: Callable[[list[Submission]], None],
        notify: Notify = call_directly,
        seal: Callable[[list[EventRow]], list[EventRow]] = list,
    ) -> None:
        #: Takes each group before the file does; None where nobody has to.
        self.first: RowLog | None = None
        super().__init__(
            "crivo-log-writer",
            settled=settled,
            notify=notify,
            seal=seal,
            retry_seconds=RETRY_SECONDS,
        )
        self._open_file = open_file
        self._checkpointer = Checkpointer(open_file)
        self._connection: apsw.Connection | None = self._open()
        self.start()

    def _open(self) -> apsw.Connection:
        connection = self._open_file()
        self._checkpointer.watch(connection)
        return connection

    def _finish(self, *, is_sound: bool) -> None:
        self._checkpointer.close()
        if self._connection is not None and is_sound:
            # What is durable stays in the write-ahead log, for who opens the file next.
            with contextlib.suppress(apsw.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.close(True)

    def _attempt(self, group: list[Submission]) -> Failed | None:
        rows: list[EventRow] = []
        try:
            for submission in group:
                rows += self._stored(submission)
        except (Misconfigured, Unavailable) as error:
            return Failed(unavailable(str(error)))
        try:
            if self.first is not None:
                self.first.append_stored(rows)
            self._commit(rows)
        except apsw.ConstraintError as error:
            # A caller gave an id that is there already its word for new. No retry mends that.
            return Failed(unavailable(str(error)), is_final=True)
        except apsw.Error as error:
            return Failed(unavailable(str(error)))
        except Unavailable as error:
            return Failed(error, is_final=error.code is Code.LOG_LOCKED)
        except Misconfigured as error:
            return Failed(unavailable(str(error)))
        return None

    def _commit(self, rows: list[EventRow]) -> None:
        is_fresh = self._connection is None
        connection = self._connection = self._connection or self._open()
        try:
            if is_fresh:
                rows = self._not_yet_stored(connection, rows)
            if rows:
                insert_events(connection, rows)
        except apsw.Error:
            # After a failed write or sync the connection's view of the file is not to be trusted.
            self._connection = None
            connection.close(True)
            raise

    def _not_yet_stored(self, connection: apsw.Connection, rows: list[EventRow]) -> list[EventRow]:
        """The rows that a failed attempt has not stored after all; the stored ones are synced.

        A commit whose sync failed may lie whole in the write-ahead log. Moving that into the file
        writes and syncs its pages anew, since a second sync of the same pages proves nothing.
        """
        end = read_end(connection)
        if rows[0][0] < end:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
            if busy:
                raise apsw.BusyError("a reader holds up the checkpoint after a failed sync")
        return [row for row in rows if row[0] >= end]


def unavailable(cause: str) -> Unavailable:
    """The error of a log that does not write."""
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the log does not write: {cause}",
        hint="It retries by itself; send the same again, and look at the disk if this lasts.",
    )

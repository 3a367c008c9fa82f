"""The thread that writes the log: whatever has queued becomes one transaction and one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import apsw

from crivo.adapters.sqlite.checkpoint import Checkpointer
from crivo.adapters.sqlite.schema import insert_events, read_end
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Done

#: Events of one transaction; what queued beyond it waits for the next one.
GROUP_EVENTS_MAX: Final = 50_000

#: Waits between attempts to write the same bytes again: doubled from the first to the last.
RETRY_FIRST_SECONDS: Final = 0.01
RETRY_LAST_SECONDS: Final = 1.0

#: Runs what it is given, wherever the owner wants callbacks to run.
Notify = Callable[[list[Callable[[], None]]], None]


def call_directly(callbacks: list[Callable[[], None]]) -> None:
    """Runs the callbacks on the writer's thread."""
    for callback in callbacks:
        callback()


@dataclass(slots=True)
class Submission:
    """Sequenced rows that are not durable yet, and whom to tell (None once told of a failure).

    `stored` are the rows as they go to the disk: the same bytes at each attempt.
    """

    rows: list[EventRow]
    done: Done | None
    stored: list[EventRow] | None = None


class GroupWriter:
    """Commits submissions in the order of `put`, each group atomically, until each is durable.

    `settled` is called with each durable group before its callers are told. `seal` gives rows as
    they are stored; it works on this thread, so that no caller of the log waits for it.
    """

    def __init__(
        self,
        open_file: Callable[[], apsw.Connection],
        *,
        settled: Callable[[list[Submission]], None],
        notify: Notify = call_directly,
        seal: Callable[[list[EventRow]], list[EventRow]] = list,
    ) -> None:
        self._open_file = open_file
        self._checkpointer = Checkpointer(open_file)
        self._connection: apsw.Connection | None = self._open()
        self._settled = settled
        self._notify = notify
        self._seal = seal
        self._queue: list[Submission] = []
        self._changed = threading.Condition()
        self._failure: str | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="crivo-log-writer", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Nothing, if submissions are accepted.

        Raises:
            Unavailable: LOG_UNAVAILABLE.
        """
        if self._failure is not None or self._closing:
            raise unavailable(self._failure or "it is closed")

    @property
    def alive(self) -> bool:
        """Whether the thread still writes."""
        return self._thread.is_alive()

    def put(self, submission: Submission, *, is_promised: bool = False) -> None:
        """Queues a submission; the caller sees to it that calls come in the order of `seq`.

        One that was promised is queued although a commit has failed since, and is told so.

        Raises:
            Unavailable: LOG_UNAVAILABLE after a failed commit, or once it is closed or has ended.
        """
        done = submission.done
        with self._changed:
            if not is_promised or self._closing or not self.alive:
                self.check()
            failure = self._failure
            if failure is not None:
                submission.done = None
            self._queue.append(submission)
            self._changed.notify()
        if failure is not None and done is not None:
            self._notify([partial(done, unavailable(failure))])

    def close(self) -> None:
        """Commits what is queued, if the disk lets it, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _open(self) -> apsw.Connection:
        connection = self._open_file()
        self._checkpointer.watch(connection)
        return connection

    def _run(self) -> None:
        try:
            while (group := self._next_group()) and self._commit_until_durable(group):
                pass
        finally:
            self._checkpointer.close()
            with self._changed:
                is_sound = self._failure is None
                self._failure = self._failure or "its writer has ended"
            if self._connection is not None and is_sound:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._connection.close()

    def _next_group(self) -> list[Submission]:
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            group: list[Submission] = []
            events = 0
            for submission in self._queue:
                if group and events + len(submission.rows) > GROUP_EVENTS_MAX:
                    break
                group.append(submission)
                events += len(submission.rows)
            del self._queue[: len(group)]
            return group

    def _commit_until_durable(self, group: list[Submission]) -> bool:
        """Whether it became durable; where not, nothing can be written any more."""
        wait = RETRY_FIRST_SECONDS
        while True:
            try:
                self._commit(group)
                break
            except apsw.ConstraintError as error:
                # A caller gave an id that is there already its word for new. No retry mends that.
                self._tell_of_failure(group, error)
                return False
            except (apsw.Error, Misconfigured, Unavailable) as error:
                self._tell_of_failure(group, error)
            with self._changed:
                if self._closing or self._changed.wait_for(lambda: self._closing, wait):
                    return False
            wait = min(2 * wait, RETRY_LAST_SECONDS)
        self._settled(group)
        with self._changed:
            self._failure = None
        callbacks = [partial(each.done, None) for each in group if each.done is not None]
        if callbacks:
            self._notify(list(callbacks))
        return True

    def _commit(self, group: list[Submission]) -> None:
        rows: list[EventRow] = []
        for submission in group:
            if submission.stored is None:
                submission.stored = self._seal(submission.rows)
            rows += submission.stored
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

    def _tell_of_failure(self, group: list[Submission], error: apsw.Error | CrivoError) -> None:
        """Refuses new submissions, and takes those that queued meanwhile into the group."""
        with self._changed:
            self._failure = str(error)
            group += self._queue
            self._queue.clear()
        failure = unavailable(str(error))
        callbacks = [partial(each.done, failure) for each in group if each.done is not None]
        for submission in group:
            submission.done = None
        if callbacks:
            self._notify(list(callbacks))


def unavailable(cause: str) -> Unavailable:
    """The error of a log that does not write."""
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the log does not write: {cause}",
        hint="It retries by itself; send the same again, and look at the disk if this lasts.",
    )

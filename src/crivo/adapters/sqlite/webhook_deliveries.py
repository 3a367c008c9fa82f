"""The delivery log of webhooks in a SQLite file of its own, bound to one log."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, cast

import apsw

from crivo.adapters.sqlite.connection import open_connection, transaction
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.webhook_deliveries import Delivery, DeliveryState, Failure

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS deliveries (
    subscription TEXT NOT NULL, webhook_id TEXT NOT NULL, seq INTEGER NOT NULL,
    kind TEXT NOT NULL, body BLOB NOT NULL, made_at INTEGER NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, due_at INTEGER NOT NULL, ended_at INTEGER, status INTEGER,
    failure TEXT, PRIMARY KEY (subscription, webhook_id)
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due
    ON deliveries (subscription, due_at, seq) WHERE state = 'WAITING';
CREATE INDEX IF NOT EXISTS deliveries_dead ON deliveries (subscription) WHERE state = 'DEAD';
CREATE INDEX IF NOT EXISTS deliveries_done ON deliveries (ended_at) WHERE state = 'DELIVERED';
CREATE INDEX IF NOT EXISTS deliveries_by_seq ON deliveries (subscription, seq);
CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1), log_id TEXT NOT NULL, seq INTEGER NOT NULL
) STRICT;
"""

_COLUMNS: Final = attrgetter(*Delivery.__slots__)
_PUT: Final = "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NOTE: Final = """
UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, ended_at = ?, status = ?, failure = ?
WHERE subscription = ? AND webhook_id = ?
"""
_DUE: Final = """
SELECT * FROM deliveries WHERE subscription = ? AND state = 'WAITING' AND due_at <= ?
ORDER BY due_at, seq LIMIT ?
"""
_PAGE: Final = """
SELECT * FROM deliveries WHERE subscription = ? AND seq < ? AND (? IS NULL OR state = ?)
ORDER BY seq DESC LIMIT ?
"""
_RESEND: Final = """
UPDATE deliveries SET state = 'WAITING', attempts = 0, due_at = ?, ended_at = NULL
WHERE subscription = ? AND state = 'DEAD' AND (? IS NULL OR webhook_id = ?)
"""
_FORGET: Final = "DELETE FROM deliveries WHERE state = 'DELIVERED' AND ended_at < ?"
_COUNT: Final = "SELECT count(*) FROM deliveries WHERE subscription = ? AND state = '{state}'"

_ABOVE_ALL: Final = (1 << 63) - 1


class SqliteDeliveries:
    """`Deliveries` of one log. Safe to call from several threads.

    A commit is written and not synced: it outlives the process, and what a power cut takes, place
    and deliveries together, is made again from the log, whose disk it keeps free.

    Args:
        path: The file; made where there is none.
        log_id: The log that messages are made of.
        start: The place of a new file: what was in the log before is past.

    Raises:
        Misconfigured: LOG_MISMATCH for the file of another log; FILE_UNREADABLE.
        Unavailable: FILE_UNWRITABLE.
    """

    def __init__(self, path: Path, *, log_id: str, start: int, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = open_connection(path, vfs=vfs)
        with self._working():
            self._connection.execute("PRAGMA synchronous = NORMAL").fetchall()
            self._connection.execute(_TABLES)
            self._connection.execute(
                "INSERT OR IGNORE INTO place VALUES (1, ?, ?)", (log_id, start)
            )
            found = self._connection.execute("SELECT log_id FROM place").fetchall()
        if found != [(log_id,)]:
            self._connection.close()
            raise Misconfigured(
                Code.LOG_MISMATCH,
                f"{path} holds deliveries of another log",
                hint="Move it away: a new one begins at the end of this log.",
                expected=log_id,
                found=str(found[0][0]),
            )

    def reached(self) -> int:
        """The sequence number to read on from."""
        with self._working():
            return self._number("SELECT seq FROM place")

    def put(self, deliveries: Sequence[Delivery], *, reached: int) -> None:
        """Keeps deliveries that are not known yet, and the place.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is kept.
        """
        with self._working(), transaction(self._connection):
            self._connection.executemany(_PUT, [_COLUMNS(each) for each in deliveries])
            self._connection.execute("UPDATE place SET seq = max(seq, ?)", (reached,))

    def due(self, subscription: str, *, now: int, limit: int) -> list[Delivery]:
        """What of a subscription waits and is due, the longest due first.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        with self._working():
            rows = self._connection.execute(_DUE, (subscription, now, limit)).fetchall()
        return [_delivery(row) for row in rows]

    def note(self, delivery: Delivery) -> None:
        """A delivery as it stands after an attempt.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is changed.
        """
        state, attempts, due_at, ended_at, status, failure = _COLUMNS(delivery)[6:]
        values = (state, attempts, due_at, ended_at, status, failure)
        with self._working():
            self._connection.execute(_NOTE, (*values, delivery.subscription, delivery.webhook_id))

    def page(
        self,
        *,
        subscription: str,
        state: DeliveryState | None,
        before: int | None,
        limit: int,
    ) -> list[Delivery]:
        """A subscription's deliveries by `seq`, the newest first, with a `seq` below `before`.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        below = _ABOVE_ALL if before is None else before
        asked = (subscription, below, state, state, limit)
        with self._working():
            rows = self._connection.execute(_PAGE, asked).fetchall()
        return [_delivery(row) for row in rows]

    def resend(self, *, subscription: str, webhook_id: str | None, now: int) -> int:
        """Has dead deliveries wait again, with no attempt counted; gives how many.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is changed.
        """
        with self._working():
            self._connection.execute(_RESEND, (now, subscription, webhook_id, webhook_id))
            return self._connection.changes()

    def counts(self, subscription: str) -> dict[DeliveryState, int]:
        """How many of a subscription wait and are dead.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        states = (DeliveryState.WAITING, DeliveryState.DEAD)
        with self._working():
            return {
                state: self._number(_COUNT.format(state=state), (subscription,)) for state in states
            }

    def forget(self, *, before: int) -> int:
        """Lets those go that were delivered before that instant; gives how many.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is changed.
        """
        with self._working():
            self._connection.execute(_FORGET, (before,))
            return self._connection.changes()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _number(self, question: str, values: tuple[str, ...] = ()) -> int:
        return cast("int", self._connection.execute(question, values).fetchall()[0][0])

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except apsw.Error as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the delivery log of webhooks does not work: {error}",
                hint="Look at its disk; what was not delivered is sent once it does.",
            ) from error


def _delivery(row: tuple[Any, ...]) -> Delivery:
    *facts, state, attempts, due_at, ended_at, status, failure = row
    subscription, webhook_id, seq, kind, body, made_at = facts
    return Delivery(
        subscription=subscription,
        webhook_id=webhook_id,
        seq=seq,
        kind=kind,
        body=body,
        made_at=made_at,
        state=DeliveryState(state),
        attempts=attempts,
        due_at=due_at,
        ended_at=ended_at,
        status=status,
        failure=None if failure is None else Failure(failure),
    )

"""Decisions by id in their own SQLite file: a projection, which may be deleted and made again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, cast

import apsw

from crivo.adapters.sqlite.connection import open_connection, transaction
from crivo.domain.errors import Code, Unavailable
from crivo.flows.ports import IndexedDecision

#: Raised when the tables change: an index of another version is made again.
_VERSION: Final = 3

_TABLES: Final = """
DROP TABLE IF EXISTS decisions;
DROP TABLE IF EXISTS reached;
DROP TABLE IF EXISTS log;
CREATE TABLE decisions (
    end_to_end_id TEXT NOT NULL, phase TEXT NOT NULL, seq INTEGER PRIMARY KEY,
    occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL, outcome TEXT NOT NULL,
    score INTEGER NOT NULL, UNIQUE (end_to_end_id, phase)
) STRICT;
CREATE TABLE reached (
    one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL
) STRICT;
INSERT INTO reached VALUES (1, 0);
CREATE TABLE log (log_id TEXT NOT NULL) STRICT;
"""

# The first durable answer is final: a later record of the same id and phase changes nothing.
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?)"
_PUT: Final = """
INSERT INTO decisions VALUES {rows}
ON CONFLICT (end_to_end_id, phase) DO UPDATE SET
    seq = excluded.seq, occurred_at = excluded.occurred_at, received_at = excluded.received_at,
    outcome = excluded.outcome, score = excluded.score
WHERE excluded.seq < decisions.seq
"""


_COLUMNS: Final = attrgetter(*IndexedDecision.__slots__)

#: Decisions of one statement. After each call into SQLite the loop's thread has to be stopped to
#: get Python's lock back, so a batch is one call and not one a decision.
_STATEMENT_ROWS: Final = 256


@lru_cache(maxsize=_STATEMENT_ROWS)
def _put(rows: int) -> str:
    return _PUT.format(rows=", ".join([_ROW] * rows))


class SqliteDecisionIndex:
    """A `DecisionIndex` of one log; of another log it is made again. Safe in several threads."""

    def __init__(self, path: Path, *, log_id: str, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = open_connection(path, vfs=vfs)
        # It can be made again from the log: order is enough, no sync for each commit.
        self._connection.execute("PRAGMA synchronous = NORMAL").fetchall()
        if not self._is_of(log_id):
            with transaction(self._connection):
                self._connection.execute(_TABLES)
                self._connection.execute("INSERT INTO log VALUES (?)", (log_id,))
                self._connection.pragma("user_version", _VERSION)

    def _is_of(self, log_id: str) -> bool:
        if self._connection.pragma("user_version") != _VERSION:
            return False
        return self._connection.execute("SELECT log_id FROM log").fetchall() == [(log_id,)]

    def put(self, decisions: Sequence[IndexedDecision], *, reached: int) -> None:
        """Keeps the decisions and the sequence number to read on from, together.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is kept.
        """
        try:
            with self._lock, transaction(self._connection):
                for start in range(0, len(decisions), _STATEMENT_ROWS):
                    part = decisions[start : start + _STATEMENT_ROWS]
                    values = chain.from_iterable(map(_COLUMNS, part))
                    self._connection.execute(_put(len(part)), tuple(values))
                self._connection.execute("UPDATE reached SET seq = max(seq, ?)", (reached,))
        except apsw.Error as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the decision index does not write: {error}",
                hint="It is a projection: mend the disk, or delete the file to make it again.",
            ) from error

    def get(self, end_to_end_id: str, *, phase: str = "initiation") -> IndexedDecision | None:
        """The decision that stands under this id and phase."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM decisions WHERE end_to_end_id = ? AND phase = ?",
                (end_to_end_id, phase),
            ).fetchall()
        return IndexedDecision(*cast("tuple[Any, ...]", rows[0])) if rows else None

    def latest(self, limit: int) -> list[IndexedDecision]:
        """The newest decisions, newest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM decisions ORDER BY seq DESC LIMIT ?", (limit,)
            ).fetchall()
        return [IndexedDecision(*cast("tuple[Any, ...]", row)) for row in rows]

    def reached(self) -> int:
        """The sequence number that the projection has to be read on from; 0 when it is new."""
        with self._lock:
            rows = self._connection.execute("SELECT seq FROM reached").fetchall()
        return cast("int", rows[0][0])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

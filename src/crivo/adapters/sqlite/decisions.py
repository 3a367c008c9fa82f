"""Decisions by id in their own SQLite file: a projection, which may be deleted and made again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, cast

import apsw

from crivo.adapters.sqlite.connection import (
    open_connection,
    open_for_reading,
    transaction,
)
from crivo.domain.errors import Code, Unavailable
from crivo.flows.decision_index import LAST, DecisionQuery, IndexedDecision

#: Raised when the tables change: an index of another version is made again.
_VERSION: Final = 6

_TABLES: Final = """
DROP TABLE IF EXISTS decisions;
DROP TABLE IF EXISTS spans;
DROP TABLE IF EXISTS reached;
DROP TABLE IF EXISTS log;
CREATE TABLE decisions (
    end_to_end_id TEXT NOT NULL, phase TEXT NOT NULL, seq INTEGER PRIMARY KEY,
    occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL, outcome TEXT NOT NULL,
    score INTEGER NOT NULL, payer_id BLOB NOT NULL, amount_centavos INTEGER NOT NULL,
    payee_id BLOB NOT NULL,
    span INTEGER NOT NULL GENERATED ALWAYS AS (seq >> 12) STORED,
    minute TEXT NOT NULL GENERATED ALWAYS AS (substr(end_to_end_id, 10, 12)) VIRTUAL,
    UNIQUE (minute, end_to_end_id, phase)
) STRICT;
CREATE INDEX decisions_by_payer ON decisions (span, payer_id);
CREATE INDEX decisions_by_payee ON decisions (span, payee_id);
CREATE INDEX decisions_by_outcome ON decisions (span, outcome) WHERE outcome <> 'ALLOW';
CREATE TABLE spans (
    span INTEGER PRIMARY KEY, first_receipt INTEGER NOT NULL, last_receipt INTEGER NOT NULL
) STRICT;
CREATE TABLE reached (
    one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL
) STRICT;
INSERT INTO reached VALUES (1, 0);
CREATE TABLE log (log_id TEXT NOT NULL) STRICT;
"""

# The first durable answer is final: a later record of the same id and phase changes nothing.
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT: Final = """
INSERT INTO decisions VALUES {rows}
ON CONFLICT (minute, end_to_end_id, phase) DO UPDATE SET
    seq = excluded.seq, occurred_at = excluded.occurred_at, received_at = excluded.received_at,
    outcome = excluded.outcome, score = excluded.score, payer_id = excluded.payer_id,
    amount_centavos = excluded.amount_centavos, payee_id = excluded.payee_id
WHERE excluded.seq < decisions.seq
"""


#: A span is 4,096 sequence numbers. An index by payer alone would write a page of its own for each
#: decision (20 µs of processor time, this one 5); by span and payer all new ones lie together. Of
#: ids those of a minute do (they name it): a decision is put in 7 µs in place of 13.
SPAN_BITS: Final = 12

_PUT_SPAN: Final = """
INSERT INTO spans VALUES (?, ?, ?)
ON CONFLICT (span) DO UPDATE SET
    first_receipt = min(first_receipt, excluded.first_receipt),
    last_receipt = max(last_receipt, excluded.last_receipt)
"""

_SEARCH: Final = """
SELECT {columns} FROM spans AS s CROSS JOIN decisions AS d {along}
WHERE s.span <= ? AND s.last_receipt >= ? AND s.first_receipt < ?
AND d.received_at >= ? AND d.received_at < ? AND d.seq < ? AND {where}
ORDER BY s.span DESC, d.seq DESC LIMIT ?
"""

# Along an index that holds no decision that was allowed, and along the narrowest one: a twentieth
# of the time that reading the outcomes of all takes.
_COUNTS: Final = """
SELECT outcome, count(*) FROM decisions WHERE outcome <> 'ALLOW' GROUP BY outcome
UNION ALL
SELECT 'ALLOW', count(*) - (SELECT count(*) FROM decisions WHERE outcome <> 'ALLOW') AS allowed
FROM decisions HAVING allowed > 0
"""

_COLUMNS: Final = attrgetter(*IndexedDecision.__struct_fields__)
_NAMES: Final = ", ".join(f"d.{name}" for name in IndexedDecision.__struct_fields__)

_SELECT: Final = "SELECT {columns} FROM decisions AS d"
_ROWS: Final = _SELECT.format(columns=_NAMES)
_BY_ID: Final = " WHERE minute = substr(?1, 10, 12) AND end_to_end_id = ?1 AND phase = ?2"

#: Decisions of one statement. After each call into SQLite the loop's thread has to be stopped to
#: get Python's lock back, so a batch is one call and not one a decision.
_STATEMENT_ROWS: Final = 256


@lru_cache(maxsize=_STATEMENT_ROWS)
def _put(rows: int) -> str:
    return _PUT.format(rows=", ".join([_ROW] * rows))


def _spans(decisions: Sequence[IndexedDecision]) -> list[tuple[int, int, int]]:
    """The spans that these decisions lie in, each with their least and greatest receipt."""
    receipts: dict[int, list[int]] = {}
    for each in decisions:
        receipts.setdefault(each.seq >> SPAN_BITS, []).append(each.received_at)
    return [(span, min(found), max(found)) for span, found in receipts.items()]


def statement_of(query: DecisionQuery) -> tuple[str, tuple[int | str | bytes, ...]]:
    """The statement that answers a query, and its values: span by span, the newest first."""
    until, before = query.until, LAST if query.before is None else query.before
    values: list[int | str | bytes] = [before >> SPAN_BITS, query.since, until]
    values += [query.since, until, before]
    if query.payer_id is not None:
        along = "INDEXED BY decisions_by_payer"
        text = "d.span = s.span AND d.payer_id = ?"
        values.append(query.payer_id)
    elif query.payee_id is not None:
        along = "INDEXED BY decisions_by_payee"
        text = "d.span = s.span"
    elif query.outcome in {None, "ALLOW"}:
        along = "NOT INDEXED"
        text = "d.seq BETWEEN s.span << 12 AND (s.span << 12) + 4095"
    else:
        along = "INDEXED BY decisions_by_outcome"
        text = "d.span = s.span AND d.outcome <> 'ALLOW'"
    if query.payee_id is not None:
        text += " AND d.payee_id = ?"
        values.append(query.payee_id)
    if query.outcome is not None:
        text += " AND d.outcome = ?"
        values.append(query.outcome)
    return _SEARCH.format(columns=_NAMES, along=along, where=text), (*values, query.limit)


class SqliteDecisionIndex:
    """A `DecisionIndex` of one log; of another log it is made again. Safe in several threads."""

    def __init__(self, path: Path, *, log_id: str, vfs: str | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = open_connection(path, vfs=vfs)
        # A search that takes long keeps nobody from writing.
        self._searching = threading.Lock()
        with _answering():
            # It can be made again from the log: order is enough, no sync for each commit.
            self._connection.execute("PRAGMA synchronous = NORMAL").fetchall()
            if not self._is_of(log_id):
                with transaction(self._connection):
                    self._connection.execute(_TABLES)
                    self._connection.execute("INSERT INTO log VALUES (?)", (log_id,))
                    self._connection.pragma("user_version", _VERSION)
            self._reader = open_for_reading(path, vfs=vfs)
            self._reader.execute("PRAGMA automatic_index = 0").fetchall()

    def _is_of(self, log_id: str) -> bool:
        if self._connection.pragma("user_version") != _VERSION:
            return False
        return self._connection.execute("SELECT log_id FROM log").fetchall() == [(log_id,)]

    def put(self, decisions: Sequence[IndexedDecision], *, reached: int) -> int:
        """Keeps the decisions and the sequence number to read on from, together: how many stand
        since then.

        Raises:
            Unavailable: FILE_UNWRITABLE; nothing is kept.
        """
        kept = 0
        try:
            with self._lock, transaction(self._connection):
                for start in range(0, len(decisions), _STATEMENT_ROWS):
                    part = decisions[start : start + _STATEMENT_ROWS]
                    values = chain.from_iterable(map(_COLUMNS, part))
                    self._connection.execute(_put(len(part)), tuple(values))
                    kept += self._connection.changes()
                for span in _spans(decisions):
                    self._connection.execute(_PUT_SPAN, span)
                self._connection.execute("UPDATE reached SET seq = max(seq, ?)", (reached,))
        except apsw.Error as error:
            raise Unavailable(
                Code.FILE_UNWRITABLE,
                f"the decision index does not write: {error}",
                hint="It is a projection: mend the disk, or delete the file to make it again.",
            ) from error
        return kept

    def get(self, end_to_end_id: str, *, phase: str = "initiation") -> IndexedDecision | None:
        """The decision that stands under this id and phase.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        with self._lock, _answering():
            rows = self._connection.execute(
                _ROWS + _BY_ID,
                (end_to_end_id, phase),
            ).fetchall()
        return IndexedDecision(*cast("tuple[Any, ...]", rows[0])) if rows else None

    def latest(self, limit: int) -> list[IndexedDecision]:
        """The newest decisions, newest first.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        with self._lock, _answering():
            rows = self._connection.execute(
                _ROWS + " ORDER BY seq DESC LIMIT ?", (limit,)
            ).fetchall()
        return [IndexedDecision(*cast("tuple[Any, ...]", row)) for row in rows]

    def search(self, query: DecisionQuery) -> list[IndexedDecision]:
        """One page of what the query asks for, the newest first; any thread may ask.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        return [IndexedDecision(*row) for row in self._read(*statement_of(query))]

    def counts(self) -> dict[str, int]:
        """How many decisions there are of each outcome that there is one of; any thread may ask.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        return dict(self._read(_COUNTS, ()))

    def _read(self, statement: str, values: tuple[int | str | bytes, ...]) -> list[tuple[Any, ...]]:
        with self._searching, _answering():
            return self._reader.execute(statement, values).fetchall()

    def reached(self) -> int:
        """The sequence number that the projection has to be read on from; 0 when it is new.

        Raises:
            Unavailable: INDEX_UNAVAILABLE.
        """
        with self._lock, _answering():
            rows = self._connection.execute("SELECT seq FROM reached").fetchall()
        return cast("int", rows[0][0])

    def close(self) -> None:
        """Closes the file."""
        with self._lock, self._searching:
            self._reader.close()
            self._connection.close()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (apsw.Error, UnicodeDecodeError) as error:
        raise Unavailable(
            Code.INDEX_UNAVAILABLE,
            f"the decision index does not answer: {error}",
            hint="It is a projection: mend the disk, or delete the file to make it again.",
        ) from error

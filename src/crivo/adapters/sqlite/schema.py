"""The tables of the log's file, its manifest, and how rows get into it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, cast

import apsw

from crivo.adapters.sqlite.connection import transaction
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Manifest

SCHEMA_VERSION: Final = 2

#: The greatest number that a row can bear.
SEQ_MAX: Final = 2**63 - 1

_TABLES: Final = """
CREATE TABLE manifest (
    log_id TEXT NOT NULL, clock TEXT NOT NULL, partitions INTEGER NOT NULL,
    schema_version INTEGER NOT NULL
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, stream TEXT NOT NULL, partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL, event_id BLOB NOT NULL, key BLOB NOT NULL,
    occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL, schema TEXT NOT NULL,
    source TEXT NOT NULL, payload BLOB NOT NULL, sealed BLOB
) STRICT;
CREATE UNIQUE INDEX events_by_id ON events (event_id);
CREATE TABLE positions (
    stream TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    order_time INTEGER NOT NULL, PRIMARY KEY (stream, partition)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER events_move_positions AFTER INSERT ON events BEGIN
    INSERT INTO positions VALUES (NEW.stream, NEW.partition, NEW."offset" + 1, NEW.received_at)
    ON CONFLICT DO UPDATE SET
        next_offset = excluded.next_offset, order_time = max(order_time, excluded.order_time);
END;
"""

_INSERT: Final = "INSERT INTO events VALUES "
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

#: Rows of one statement. Its text has their number in it and is compiled once for each.
STATEMENT_ROWS: Final = 64


def insert_events(connection: apsw.Connection, rows: Sequence[EventRow]) -> None:
    """Stores the rows together, synced when it returns; their positions move with them.

    A group of a service is one statement that begins, writes and commits by itself: after each
    further call into SQLite the loop's thread would have to be stopped to get Python's lock back.

    Raises:
        apsw.Error: nothing is stored, or after a failed sync perhaps all.
    """
    if len(rows) <= STATEMENT_ROWS:
        connection.execute(_insert(len(rows)), list(chain.from_iterable(rows)))
        return
    with transaction(connection):
        for start in range(0, len(rows), STATEMENT_ROWS):
            part = rows[start : start + STATEMENT_ROWS]
            connection.execute(_insert(len(part)), list(chain.from_iterable(part)))


@lru_cache(maxsize=STATEMENT_ROWS)
def _insert(rows: int) -> str:
    return _INSERT + ", ".join([_ROW] * rows)


def create_tables(connection: apsw.Connection, manifest: Manifest) -> None:
    """Makes the tables with this manifest, in one transaction."""
    with transaction(connection):
        connection.execute(_TABLES)
        connection.execute(
            "INSERT INTO manifest VALUES (?, ?, ?, ?)",
            (manifest.log_id, manifest.clock.value, manifest.partitions, SCHEMA_VERSION),
        )


def read_manifest(connection: apsw.Connection) -> Manifest | None:
    """The manifest of a log; None where the file is new.

    Raises:
        Misconfigured: LOG_MISMATCH where the file holds something else, or a newer log, or its
            manifest was changed.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if not tables:
        return None
    if not {"manifest", "events", "positions"} <= tables:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the file is a database, but no log",
            hint="Give the log another path.",
            found=sorted(tables),
        )
    rows = cast(
        "list[tuple[object, object, object, object]]",
        connection.execute(
            "SELECT log_id, clock, partitions, schema_version FROM manifest"
        ).fetchall(),
    )
    if len(rows) != 1:
        raise _no_manifest("one row", f"{len(rows)} rows")
    log_id, clock, partitions, version = rows[0]
    if version != SCHEMA_VERSION:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the log was written by another release",
            hint="Open it with the release that wrote it.",
            expected=SCHEMA_VERSION,
            found=version,
        )
    if not isinstance(log_id, str):
        raise _no_manifest("log_id: a text", log_id)
    if not isinstance(partitions, int) or partitions < 1:
        raise _no_manifest("partitions: an integer from 1 on", partitions)
    clocks = [each.value for each in ClockKind]
    if clock not in clocks:
        raise _no_manifest(f"clock: one of {', '.join(clocks)}", clock)
    return Manifest(log_id, ClockKind(clock), partitions)


def _no_manifest(expected: str, found: object) -> Misconfigured:
    return Misconfigured(
        Code.LOG_MISMATCH,
        "the log's manifest is not what was written",
        hint="Keep the file as it is for whoever asks why, and restore it from its newest copy.",
        expected=expected,
        found=found,
    )


def read_positions(connection: apsw.Connection) -> dict[tuple[str, int], tuple[int, int]]:
    """(next offset, order time) of each (stream, partition) that holds events."""
    rows = connection.execute("SELECT stream, partition, next_offset, order_time FROM positions")
    return {(stream, partition): (offset, time) for stream, partition, offset, time in rows}


def read_end(connection: apsw.Connection) -> int:
    """The sequence number after the newest durable event.

    Raises:
        Misconfigured: LOG_MISMATCH for the last number of all, which no log has given.
    """
    ((newest,),) = connection.execute("SELECT max(seq) FROM events").fetchall()
    if newest is None:
        return 0
    if newest == SEQ_MAX:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the log's last event bears a number that no log has given",
            hint="Keep the file as it is for whoever asks why, and restore it from its newest "
            "copy.",
            field="seq",
            expected=f"below {SEQ_MAX}",
            found=newest,
        )
    return cast("int", newest) + 1

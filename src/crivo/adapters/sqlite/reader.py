"""Reading a log file, in this process or another, in transactions too short to hold up anybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from crivo.adapters.sqlite.connection import open_for_reading
from crivo.adapters.sqlite.schema import read_end, read_manifest, read_positions
from crivo.domain.errors import Code, Misconfigured
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow, open_payload, stored_event, stored_record
from crivo.flows.ports import Manifest, Payload
from crivo.flows.seal import StoredRecord
from crivo.governance.record_cipher import RecordCipher, is_sealed

#: No transaction of a reader covers more sequence numbers: a checkpoint waits for none of them.
READ_ROWS_MAX: Final = 10_000

#: How many ids one query compares (SQLite allows 32,766 parameters).
_IDS_A_QUERY: Final = 1_000


class SqliteLogReader:
    """A `LogReader` over a file. It may be used by several threads, one at a time inside."""

    def __init__(
        self, path: Path, *, vfs: str | None = None, cipher: RecordCipher | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._cipher = cipher
        self._connection = open_for_reading(path, vfs=vfs)
        manifest = read_manifest(self._connection)
        if manifest is None:
            raise Misconfigured(
                Code.LOG_MISMATCH, f"{path} holds no log yet", hint="Ingest or serve first."
            )
        self._manifest = manifest

    @property
    def manifest(self) -> Manifest:
        """The log's identity, clock and partitions a stream."""
        return self._manifest

    def read(
        self, *, start: int, limit: int, streams: frozenset[Stream] | None = None
    ) -> list[StoredEvent]:
        """Up to `limit` durable events with `seq >= start`, of these streams (None: of all)."""
        found: list[StoredEvent] = []
        end = self.end()
        while start < end and len(found) < limit:
            until = min(start + READ_ROWS_MAX, end)
            found.extend(self._read_range(start, until, limit - len(found), streams))
            start = until
        return found

    def _read_range(
        self, start: int, until: int, limit: int, streams: frozenset[Stream] | None
    ) -> list[StoredEvent]:
        query = "SELECT * FROM events WHERE seq >= ? AND seq < ?"
        values: list[int | str] = [start, until]
        if streams is not None:
            query += f" AND stream IN ({','.join('?' * len(streams))})"
            values += [stream.value for stream in streams]
        with self._lock:
            rows = self._connection.execute(
                query + " ORDER BY seq LIMIT ?", (*values, limit)
            ).fetchall()
        return [stored_event(cast("EventRow", row), self._cipher) for row in rows]

    def payloads(
        self, schema: str, stretch: range, *, since: int | None = None, until: int | None = None
    ) -> list[Payload]:
        """The events of a schema in a stretch, by their receipt: as `BulkReader` says."""
        query = (
            "SELECT seq, event_id, payload FROM events WHERE seq >= ? AND seq < ? AND schema = ?"
        )
        values: list[int | str] = []
        for condition, value in ((">=", since), ("<", until)):
            if value is not None:
                query += f" AND received_at {condition} ?"
                values.append(value)
        query, cipher = query + " ORDER BY seq", self._cipher
        found: list[Payload] = []
        for start in range(stretch.start, stretch.stop, READ_ROWS_MAX):
            until_seq = min(start + READ_ROWS_MAX, stretch.stop)
            with self._lock:
                rows = self._connection.execute(
                    query, (start, until_seq, schema, *values)
                ).fetchall()
            found += [
                (seq, open_payload(payload, event_id=event_id, cipher=cipher))
                if is_sealed(payload)
                else (seq, payload)
                for seq, event_id, payload in cast("list[tuple[int, bytes, bytes]]", rows)
            ]
        return found

    def stored_rows(self, *, start: int, limit: int) -> list[EventRow]:
        """Up to `limit` durable rows with `seq >= start`, as they are stored: what a copy takes."""
        query = "SELECT * FROM events WHERE seq >= ? AND seq < ? ORDER BY seq"
        until = start + min(limit, READ_ROWS_MAX)
        with self._lock:
            rows = self._connection.execute(query, (start, until)).fetchall()
        return [cast("EventRow", row) for row in rows]

    def rows_after(
        self, offsets: Mapping[tuple[str, int], int], *, limit: int
    ) -> Iterator[list[EventRow]]:
        """The rows after those that others have, in the log's order: what a lake takes.

        Offsets have no gaps and others took them in that order, so their sum is a number.

        Raises:
            Misconfigured: LOG_MISMATCH where the log holds fewer.
        """
        at, end = sum(offsets.values()), self.end()
        if at > end:
            raise Misconfigured(
                Code.LOG_MISMATCH,
                "the log holds fewer events than were taken of it",
                hint="It was cut short, or a copy was put in its place.",
                field="seq",
                expected=f"at least {at}",
                found=end,
            )
        while at < end:
            rows: list[EventRow] = []
            while at < end and len(rows) < limit:
                rows += self.stored_rows(start=at, limit=min(limit - len(rows), end - at))
                at = rows[-1][0] + 1
            yield rows

    def end(self) -> int:
        """The sequence number that follows the newest durable event."""
        with self._lock:
            return read_end(self._connection)

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are durable."""
        found: set[bytes] = set()
        for start in range(0, len(event_ids), _IDS_A_QUERY):
            some = event_ids[start : start + _IDS_A_QUERY]
            marks = ",".join("?" * len(some))
            query = f"SELECT event_id FROM events WHERE event_id IN ({marks})"  # noqa: S608
            with self._lock:
                found.update(row[0] for row in self._connection.execute(query, tuple(some)))
        return found

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The durable event of this id."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM events WHERE event_id = ?", (event_id,)
            ).fetchall()
        return stored_event(cast("EventRow", rows[0]), self._cipher) if rows else None

    def stored_records(self, *, start: int, limit: int) -> tuple[list[StoredRecord], int]:
        """Up to `limit` durable records of decisions with `seq >= start`, as they are stored.

        With them, where to read on from: past a short list lies no record yet.
        """
        found: list[StoredRecord] = []
        end = self.end()
        while start < end and len(found) < limit:
            until = min(start + READ_ROWS_MAX, end)
            with self._lock:
                rows = self._connection.execute(
                    "SELECT * FROM events WHERE seq >= ? AND seq < ? AND stream = ?"
                    " ORDER BY seq LIMIT ?",
                    (start, until, Stream.DECISIONS.value, limit - len(found)),
                ).fetchall()
            found += [stored_record(cast("EventRow", row)) for row in rows]
            start = until
        return found, found[-1].seq + 1 if len(found) == limit else max(start, end)

    def stored_record(self, event_id: bytes) -> StoredRecord | None:
        """The durable record of this id, as it is stored."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM events WHERE event_id = ? AND stream = ?",
                (event_id, Stream.DECISIONS.value),
            ).fetchall()
        return stored_record(cast("EventRow", rows[0])) if rows else None

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` of a partition so far; 0 where it is empty."""
        with self._lock:
            positions = read_positions(self._connection)
        return positions.get((stream.value, partition), (0, 0))[1]

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()


def open_reader(
    path: Path, *, vfs: str | None = None, cipher: RecordCipher | None = None
) -> SqliteLogReader:
    """A reader of the log at `path`; it takes no lock and changes nothing.

    Without a `cipher` it reads what is in clear; a sealed record is then refused as KEY_MISSING.

    Raises:
        Misconfigured: FILE_UNREADABLE, LOG_MISMATCH.
    """
    return SqliteLogReader(path, vfs=vfs, cipher=cipher)

"""Reading a log file, in this process or another, in transactions too short to hold up anybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import apsw

from crivo.adapters.sqlite.connection import DAMAGE, damaged, open_for_reading
from crivo.adapters.sqlite.schema import read_end, read_manifest, read_positions
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream
from crivo.flows.event_rows import EventRow, open_payload, stored_event, stored_record
from crivo.flows.ports import Manifest, Payload
from crivo.flows.seal import StoredRecord
from crivo.governance.record_cipher import RecordCipher, is_sealed

if TYPE_CHECKING:
    from crivo.flows.lake import Taken

#: No transaction of a reader covers more sequence numbers: a checkpoint waits for none of them.
READ_ROWS_MAX: Final = 10_000

Answer = TypeVar("Answer")

#: How many ids one query compares (SQLite allows 32,766 parameters).
_IDS_A_QUERY: Final = 1_000


class SqliteLogReader:
    """A `LogReader` over a file. It may be used by several threads, one at a time inside.

    Every method raises Misconfigured FILE_UNREADABLE where the file is damaged, and Unavailable
    LOG_UNAVAILABLE where it cannot be read now.
    """

    def __init__(
        self, path: Path, *, vfs: str | None = None, cipher: RecordCipher | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._cipher = cipher
        self._path = path
        self._connection = open_for_reading(path, vfs=vfs)
        manifest = self._asked(read_manifest)
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
            start = self._next(until, end)
        return found

    def _next(self, start: int, end: int) -> int:
        """The first number from `start` on that an event bears, or the end: who walks over numbers
        that are missing, as in a file that somebody changed, would walk for ever.
        """
        if start >= end:
            return end
        ((following,),) = self._rows("SELECT min(seq) FROM events WHERE seq >= ?", start)
        return end if following is None else int(following)

    def jumps(self) -> Iterator[tuple[int, int]]:
        """Where `READ_ROWS_MAX` numbers or more are missing in a row: the first of them, and the
        next event's. A log that nobody changed has none.
        """
        at, end = 0, self.end()
        while at < end:
            ((last,),) = self._rows(
                "SELECT max(seq) FROM events WHERE seq >= ? AND seq < ?",
                at,
                min(at + READ_ROWS_MAX, end),
            )
            if last is not None:
                at = last + 1
                continue
            following = self._next(at, end)
            yield at, following
            at = following

    def _read_range(
        self, start: int, until: int, limit: int, streams: frozenset[Stream] | None
    ) -> list[StoredEvent]:
        query = "SELECT * FROM events WHERE seq >= ? AND seq < ?"
        values: list[int | str] = [start, until]
        if streams is not None:
            query += f" AND stream IN ({','.join('?' * len(streams))})"
            values += [stream.value for stream in streams]
        rows = self._rows(query + " ORDER BY seq LIMIT ?", *values, limit)
        return [stored_event(row, self._cipher) for row in rows]

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
        start, stop = stretch.start, stretch.stop
        while start < stop:
            until_seq = min(start + READ_ROWS_MAX, stop)
            rows = self._rows(query, start, until_seq, schema, *values)
            start = self._next(until_seq, stop)
            found += [
                (seq, open_payload(payload, event_id=event_id, cipher=cipher))
                if is_sealed(payload)
                else (seq, payload)
                for seq, event_id, payload in rows
            ]
        return found

    def stored_rows(self, *, start: int, limit: int) -> list[EventRow]:
        """Up to `limit` durable rows with `seq >= start`, as they are stored: what a copy takes."""
        query = "SELECT * FROM events WHERE seq >= ? ORDER BY seq LIMIT ?"
        return self._rows(query, start, min(limit, READ_ROWS_MAX))

    @property
    def place(self) -> str:
        """Events alone have offsets."""
        return ""

    def ends(self) -> Mapping[tuple[str, int], int]:
        """Nothing: a file holds rows alone, and lets go of none."""
        return {}

    def rows_after(
        self, taken: Mapping[tuple[str, int], Taken], *, limit: int
    ) -> Iterator[list[EventRow]]:
        """The rows after those that others have, in the log's order: what a lake takes.

        Offsets have no gaps and others took them in that order, so their sum is a number.

        Raises:
            Misconfigured: LOG_MISMATCH where the log holds fewer.
        """
        at, end = sum(each.offset for each in taken.values()), self.end()
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
        return self._asked(read_end)

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are durable."""
        found: set[bytes] = set()
        for start in range(0, len(event_ids), _IDS_A_QUERY):
            some = event_ids[start : start + _IDS_A_QUERY]
            marks = ",".join("?" * len(some))
            query = f"SELECT event_id FROM events WHERE event_id IN ({marks})"  # noqa: S608
            found.update(row[0] for row in self._rows(query, *some))
        return found

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The durable event of this id."""
        rows = self._rows("SELECT * FROM events WHERE event_id = ?", event_id)
        return stored_event(rows[0], self._cipher) if rows else None

    def stored_records(self, *, start: int, limit: int) -> tuple[list[StoredRecord], int]:
        """Up to `limit` durable records of decisions with `seq >= start`, as they are stored.

        With them, where to read on from: past a short list lies no record yet.
        """
        rows, at = self._stored(Stream.DECISIONS, start, limit)
        return [stored_record(row) for row in rows], at

    def stored_segments(self, *, start: int, limit: int) -> tuple[list[EventRow], int]:
        """As `stored_records`: the rows of the ledger's segments."""
        return self._stored(Stream.LEDGER, start, limit)

    def _stored(self, stream: Stream, start: int, limit: int) -> tuple[list[EventRow], int]:
        found: list[EventRow] = []
        end = self.end()
        while start < end and len(found) < limit:
            until = min(start + READ_ROWS_MAX, end)
            found += self._rows(
                "SELECT * FROM events WHERE seq >= ? AND seq < ? AND stream = ?"
                " ORDER BY seq LIMIT ?",
                start, until, stream.value, limit - len(found),
            )  # fmt: skip
            start = self._next(until, end)
        return found, found[-1][0] + 1 if len(found) == limit else max(start, end)

    def stored_record(self, event_id: bytes) -> StoredRecord | None:
        """The durable record of this id, as it is stored."""
        rows = self._rows(
            "SELECT * FROM events WHERE event_id = ? AND stream = ?",
            event_id, Stream.DECISIONS.value,
        )  # fmt: skip
        return stored_record(rows[0]) if rows else None

    def holds_sealed(self) -> bool:
        """Whether its newest decision is encrypted."""
        rows = self._rows(
            "SELECT payload FROM events WHERE stream = ? ORDER BY seq DESC LIMIT 1",
            Stream.DECISIONS.value,
        )
        return bool(rows) and is_sealed(rows[0][0])

    def holds_identities(self) -> bool:
        """Whether any event of it has an identity part; it may read all."""
        return bool(self._rows("SELECT 1 FROM events WHERE sealed IS NOT NULL LIMIT 1"))

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` of a partition so far; 0 where it is empty."""
        positions = self._asked(read_positions)
        return positions.get((stream.value, partition), (0, 0))[1]

    def _rows(self, query: str, *values: int | str | bytes) -> list[Any]:
        return self._asked(lambda connection: connection.execute(query, values).fetchall())

    def _asked(self, ask: Callable[[apsw.Connection], Answer]) -> Answer:
        try:
            with self._lock:
                return ask(self._connection)
        except DAMAGE as error:
            raise damaged(self._path, error) from error
        except apsw.Error as error:
            raise Unavailable(
                Code.LOG_UNAVAILABLE,
                f"{self._path} cannot be read: {error}",
                hint="Look at its disk, and at what else holds the file.",
                path=str(self._path),
            ) from error

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

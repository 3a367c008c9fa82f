"""The log in one SQLite file: sequenced in memory at once, committed in groups, always synced."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from crivo.adapters.sqlite.connection import (
    DAMAGE,
    asked_of,
    damaged,
    open_connection,
    open_for_reading,
)
from crivo.adapters.sqlite.lock import WriterLock, lock_file
from crivo.adapters.sqlite.reader import SqliteLogReader
from crivo.adapters.sqlite.recent import RecentRecords
from crivo.adapters.sqlite.schema import (
    create_tables,
    read_end,
    read_manifest,
    read_positions,
)
from crivo.adapters.sqlite.writer import GroupWriter
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import Stream, partition_of
from crivo.flows.copy_log import RowLog
from crivo.flows.event_rows import EventRow, row_of, seal_rows, stored_event
from crivo.flows.group_commit import Notify, Submission, Waiting, call_directly
from crivo.flows.ports import Done, Manifest
from crivo.flows.relay import Bound
from crivo.governance.identity import IdentitySealer
from crivo.governance.record_cipher import RecordCipher

PARTITIONS_DEFAULT: Final = 4

#: Events that may wait for their commit; beyond it submissions are refused as OVERLOADED.
PENDING_EVENTS_MAX: Final = 200_000

#: Ids that `known` found absent are remembered, so that `submit` need not ask the file again.
_ABSENT_MAX: Final = 200_000

#: A stream and a partition of it.
Place = tuple[str, int]


class SqliteLog:
    """A `Log`. Safe to call from several threads; made by `open_log`."""

    def __init__(
        self,
        path: Path,
        *,
        lock: WriterLock,
        manifest: Manifest,
        vfs: str | None,
        notify: Notify,
        cipher: RecordCipher | None,
        identities: IdentitySealer | None,
    ) -> None:
        self._manifest = manifest
        self._file_lock = lock
        self._lock = threading.Lock()
        self._reader = SqliteLogReader(path, vfs=vfs, cipher=cipher)
        connection = open_connection(path, vfs=vfs)
        self._positions = read_positions(connection)
        self._durable_end = self._next_seq = read_end(connection)
        connection.close()
        self._pending: dict[bytes, EventRow] = {}
        self._recent: RecentRecords | None = None
        self._absent: set[bytes] = set()
        self._bound: Bound | None = None
        self._writer = GroupWriter(
            lambda: open_connection(path, vfs=vfs),
            settled=self._settle,
            notify=notify,
            seal=partial(seal_rows, cipher=cipher, identities=identities),
        )

    @property
    def manifest(self) -> Manifest:
        """The log's identity, clock and partitions a stream."""
        return self._manifest

    def keep_recent(self, reader: SqliteLogReader) -> RecentRecords:
        """The records that become durable from now on, as stored; `reader` reads those before."""
        self._recent = RecentRecords(reader)
        return self._recent

    def bound(self, check: Bound) -> None:
        """From now on it takes nothing where `check` raises, given the end that it would have."""
        self._bound = check

    def lay_first(self, other: RowLog) -> None:
        """From now on another log, which holds all that this one does, takes rows before it: what
        is durable is in both. What that one does not take, this one does not.
        """
        assert other.end() == self._next_seq, "it holds all that this log does, and no more"
        self._writer.first = other

    def check(self) -> None:
        """Nothing, if submissions are taken.

        Raises:
            Unavailable: LOG_UNAVAILABLE; LOG_LOCKED where a log that comes first is another's now.
        """
        self._check_writer(1)

    def promise(self, events: int) -> None:
        """Nothing, if a submission of so many events that follows now will be sequenced.

        Raises:
            Unavailable: LOG_UNAVAILABLE after a failed commit, OVERLOADED when too much waits.
        """
        with self._lock:
            self._check_room(events)

    def submit(
        self,
        events: Sequence[Event],
        done: Done,
        *,
        never_seen: bool = False,
        is_promised: bool = False,
    ) -> int:
        """The sequence number of the first event; `done` is called when all are durable.

        `never_seen` is the caller's word that no id is durable already; it is not looked up then.
        So does `is_promised`, after a `promise` of as many events.

        Raises:
            Refused: DUPLICATE, before anything is sequenced.
            Unavailable: LOG_UNAVAILABLE after a failed commit, OVERLOADED when too much waits; what
                was promised only where the log was closed, or its writer has ended.
        """
        assert events, "a submission holds at least one event"
        with self._lock:
            if not is_promised:
                self._check_room(len(events))
                if not never_seen:
                    self._check_new(events)
            first = self._next_seq
            rows, positions = self._sequence(events)
            # Queued under the lock: the queue has the order of the sequence numbers.
            self._writer.put(Submission(rows, done), is_promised=is_promised)
            self._commit_to_memory(rows, positions)
        return first

    def append(self, events: Sequence[Event]) -> int:
        """The sequence number of the first event; all are durable when it returns.

        Raises:
            Refused, Unavailable: as `submit`, and LOG_UNAVAILABLE when the commit itself fails.
        """
        waiting = Waiting(self._writer)
        first = self.submit(events, waiting.done)
        waiting.wait()
        return first

    def read(
        self, *, start: int, limit: int, streams: frozenset[Stream] | None = None
    ) -> list[StoredEvent]:
        """Up to `limit` durable events with `seq >= start`, of these streams (None: of all)."""
        return self._reader.read(start=start, limit=limit, streams=streams)

    def end(self) -> int:
        """The sequence number that follows the newest durable event."""
        return self._durable_end

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are in the log or sequenced for it."""
        with self._lock:
            return self._known(event_ids)

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The event of this id, durable or sequenced."""
        with self._lock:
            row = self._pending.get(event_id)
            return self._reader.find(event_id) if row is None else stored_event(row)

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` sequenced for a partition so far; 0 where it is empty."""
        with self._lock:
            return self._positions.get((stream, partition), (0, 0))[1]

    def close(self) -> None:
        """Commits what is queued, closes the file and frees the writer's lock."""
        self._writer.close()
        self._reader.close()
        self._file_lock.release()

    def _check_writer(self, events: int) -> None:
        self._writer.check()
        if self._bound is not None:
            self._bound(self._next_seq + events)

    def _check_room(self, events: int) -> None:
        self._check_writer(events)
        if self._pending and len(self._pending) + events > PENDING_EVENTS_MAX:
            raise Unavailable(
                Code.OVERLOADED,
                f"{len(self._pending)} events already wait for the disk",
                hint="Send the same again in a moment.",
            )

    def _known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        found = {event_id for event_id in event_ids if event_id in self._pending}
        rest = [each for each in event_ids if each not in found and each not in self._absent]
        if rest:
            stored = self._reader.known(rest)
            found |= stored
            if len(self._absent) + len(rest) > _ABSENT_MAX:
                self._absent.clear()
            self._absent.update(each for each in rest if each not in stored)
        return found

    def _check_new(self, events: Sequence[Event]) -> None:
        ids = [event.event_id for event in events]
        known = self._known(ids)
        if known or len(set(ids)) < len(ids):
            again = next((each for each in ids if each in known), ids[0])
            raise Refused(
                Code.DUPLICATE,
                f"event {again.hex()} is already in the log, or twice in the submission",
                hint="Ask `known` first; an event is appended once.",
                field="event_id",
                expected="an event that is new",
                found=again.hex(),
            )

    def _sequence(
        self, events: Sequence[Event]
    ) -> tuple[list[EventRow], dict[Place, tuple[int, int]]]:
        partitions = self._manifest.partitions
        seq = self._next_seq
        positions: dict[Place, tuple[int, int]] = {}
        rows: list[EventRow] = []
        for event in events:
            partition = partition_of(event.key, partitions)
            place = (event.stream, partition)
            offset, order_time = positions.get(place) or self._positions.get(place) or (0, 0)
            positions[place] = offset + 1, max(order_time, event.received_at)
            rows.append(row_of(event, seq=seq, partition=partition, offset=offset))
            seq += 1
        return rows, positions

    def _commit_to_memory(
        self, rows: list[EventRow], positions: dict[Place, tuple[int, int]]
    ) -> None:
        self._next_seq += len(rows)
        self._positions.update(positions)
        ids = [row[4] for row in rows]
        self._pending.update(zip(ids, rows, strict=True))
        self._absent.difference_update(ids)

    def _settle(self, group: list[Submission]) -> None:
        with self._lock:
            for submission in group:
                for row in submission.rows:
                    del self._pending[row[4]]
            self._durable_end = group[-1].rows[-1][0] + 1
        if self._recent is not None:
            for submission in group:
                self._recent.add(submission.stored or submission.rows)


def open_log(
    path: Path,
    *,
    clock: ClockKind,
    new_log_id: str,
    partitions: int = PARTITIONS_DEFAULT,
    vfs: str | None = None,
    notify: Notify = call_directly,
    cipher: RecordCipher | None = None,
    identities: IdentitySealer | None = None,
) -> SqliteLog:
    """The log at `path` for its one writer, made with this manifest where there is none.

    `new_log_id` names a log that is made now. `notify` runs the callbacks of a durable group. With
    a `cipher` the payloads of decisions are encrypted from now on, and read in clear; only with
    `identities` may an event carry an identity part, which is sealed before it is written.

    Raises:
        Unavailable: LOG_LOCKED while another process writes it.
        Misconfigured: LOG_MISMATCH where it was made with another clock or partition count,
            FILE_UNREADABLE where it is damaged.
    """
    lock = WriterLock(lock_file(path))
    try:
        connection = open_connection(path, vfs=vfs)
        manifest = read_manifest(connection)
        if manifest is None:
            manifest = Manifest(new_log_id, clock, partitions)
            create_tables(connection, manifest)
        connection.close()
        _check_same(manifest, clock, partitions)
        return SqliteLog(
            path,
            lock=lock,
            manifest=manifest,
            vfs=vfs,
            notify=notify,
            cipher=cipher,
            identities=identities,
        )
    except (Misconfigured, Unavailable):
        lock.release()
        raise
    except DAMAGE as error:
        lock.release()
        raise damaged(path, error) from error
    except apsw.Error as error:
        lock.release()
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"the log cannot be opened: {error}",
            hint="Look at the disk; nothing was changed.",
            path=str(path),
        ) from error


def stored_manifest(path: Path) -> Manifest | None:
    """The manifest of the log at `path`; None where there is none yet.

    Raises:
        Misconfigured: FILE_UNREADABLE, LOG_MISMATCH.
    """
    if not path.exists():
        return None
    connection = open_for_reading(path)
    try:
        with asked_of(path):
            return read_manifest(connection)
    finally:
        connection.close()


def _check_same(manifest: Manifest, clock: ClockKind, partitions: int) -> None:
    if (manifest.clock, manifest.partitions) != (clock, partitions):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the log was made with another clock or another number of partitions",
            hint="Both are fixed when a log is made: open it as it is, or make a new log.",
            expected=f"{manifest.clock} clock, {manifest.partitions} partitions",
            found=f"{clock} clock, {partitions} partitions",
        )

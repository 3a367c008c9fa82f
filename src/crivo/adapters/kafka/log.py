"""The log in Kafka as its one writer holds it: numbered in memory at once, committed in groups."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Final

from crivo.adapters.kafka.client import LOGGER, Cluster
from crivo.adapters.kafka.intake import Part, part_of, read_ends
from crivo.adapters.kafka.manifest import find_manifest, make_manifest, writer_kept
from crivo.adapters.kafka.reader import RECENT_MAX, KafkaLogReader, Lies
from crivo.adapters.kafka.writer import Sent, TransactionWriter, locked
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, CrivoError, Misconfigured, Refused, Unavailable
from crivo.domain.event import Event, StoredEvent
from crivo.domain.streams import STREAM_RANK, Stream, partition_of
from crivo.flows.event_rows import EventRow, row_of, seal_rows, stored_event
from crivo.flows.group_commit import Notify, Waiting, call_directly
from crivo.flows.ports import Done, Manifest
from crivo.governance.identity import IdentitySealer
from crivo.governance.record_cipher import RecordCipher

#: Events that may wait for their commit; beyond it submissions are refused as OVERLOADED.
PENDING_EVENTS_MAX: Final = 200_000

#: How often it is looked which ids brokers have let go of: each costs memory.
LOOK_SECONDS: Final = 3_600.0


class KafkaLog:
    """A `Log`. Safe to call from several threads; made by `open_kafka_log`.

    Its numbers are those that it gives; what workers answer bears none, and is no part of it. Ids
    that it knows, and events that it finds, are those that brokers held when it last looked, which
    it does every `LOOK_SECONDS` and where it misses one: what they have let go of since is not
    known any more, and may be appended anew. Of that, the numbers are all that is left.
    """

    def __init__(
        self,
        cluster: Cluster,
        manifest: Manifest,
        *,
        notify: Notify,
        cipher: RecordCipher | None,
        identities: IdentitySealer | None,
    ) -> None:
        self._cluster = cluster
        self._manifest = manifest
        self._cipher = cipher
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._pending: dict[bytes, EventRow] = {}
        # Taking the writer's name ends whatever another one had begun: read after that.
        self._writer = TransactionWriter(
            cluster,
            settled=self._settle,
            recount=self._recount,
            whose=partial(writer_kept, cluster),
            notify=notify,
            seal=partial(seal_rows, cipher=cipher, identities=identities),
        )
        try:
            self._reader = self._read()
            self._writer.take_over(self._reader.end())
        except CrivoError:
            # Who does not write must not go on asking for the writer's name.
            self._writer.start()
            self._writer.close()
            raise
        self._durable_end = self._next_seq = self._reader.end()
        self._index: dict[bytes, Lies] = dict(self._reader.index)
        #: The newest rows as they are stored, of ids that the index has or had.
        self._recent = OrderedDict((row[4], row) for row in self._reader.recent)
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._order_times: dict[Part, int] = dict(self._reader.order_times)
        self._writer.start()

    @property
    def manifest(self) -> Manifest:
        """The log's identity, clock and partitions a stream."""
        return self._manifest

    def check(self) -> None:
        """Nothing, if submissions are taken.

        Raises:
            Unavailable: LOG_UNAVAILABLE, LOG_LOCKED.
        """
        self._writer.check()

    def promise(self, events: int) -> None:
        """Nothing, if a submission of so many events that follows now will be sequenced.

        Raises:
            Unavailable: LOG_UNAVAILABLE after a failed commit, OVERLOADED when too much waits,
                LOG_LOCKED where another writer took over.
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

        All ids that brokers hold are in memory: they are looked up, whatever `never_seen` says.

        Raises:
            Refused: DUPLICATE, before anything is sequenced.
            Unavailable: LOG_UNAVAILABLE after a failed commit, OVERLOADED when too much waits,
                LOG_LOCKED where another writer took over.
        """
        with self._lock:
            if not is_promised:
                self._check_room(len(events))
            self._check_new([event.event_id for event in events])
            return self._put(self._rows(events), done, is_promised=is_promised)

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
        with self._reading:
            if self._reader.end() < self._durable_end:
                self._reader.close()
                self._reader = self._read()
            return self._reader.read(start=start, limit=limit, streams=streams)

    def end(self) -> int:
        """The sequence number that follows the newest durable event."""
        return self._durable_end

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are in the log or sequenced for it."""
        with self._lock:
            return {each for each in event_ids if each in self._index or each in self._pending}

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The event of this id, durable or sequenced; None also where brokers let go of it.

        Raises:
            Misconfigured, Unavailable: LOG_UNAVAILABLE where they do not give it.
        """
        with self._lock:
            row, lies = self._pending.get(event_id), self._index.get(event_id)
            if row is None and lies is not None:
                row = self._recent.get(event_id)
        if row is not None:
            return stored_event(row, self._cipher)
        if lies is None:
            return None
        with self._reading:
            found = self._reader.fetch(lies)
        if found is None:
            self._forget()
        return found

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` sequenced for a partition so far; 0 where it is empty."""
        with self._lock:
            return self._order_times.get(part_of(stream, partition), 0)

    def close(self) -> None:
        """Commits what is queued and ends its clients."""
        self._writer.close()
        with self._reading:
            self._reader.close()

    def _check_room(self, events: int) -> None:
        self._writer.check()
        if self._pending and len(self._pending) + events > PENDING_EVENTS_MAX:
            raise Unavailable(
                Code.OVERLOADED,
                f"{len(self._pending)} events already wait for the brokers",
                hint="Send the same again in a moment.",
            )

    def _check_new(self, ids: Sequence[bytes]) -> None:
        again = next((each for each in ids if each in self._index or each in self._pending), None)
        if again is None and len(set(ids)) < len(ids):
            again = ids[0]
        if again is not None:
            raise Refused(
                Code.DUPLICATE,
                f"event {again.hex()} is already in the log, or twice in the submission",
                hint="Ask `known` first; an event is appended once.",
                field="event_id",
                expected="an event that is new",
                found=again.hex(),
            )

    def _rows(self, events: Sequence[Event]) -> list[EventRow]:
        assert events, "a submission holds at least one event"
        return [
            row_of(event, seq=seq, partition=partition_of(event.key, self._manifest.partitions))
            for seq, event in enumerate(events, start=self._next_seq)
        ]

    def _put(
        self,
        rows: list[EventRow],
        done: Done,
        *,
        is_promised: bool = False,
    ) -> int:
        # Queued under the lock: the queue has the order of the sequence numbers.
        submission = Sent(rows, done)
        self._writer.put(submission, is_promised=is_promised)
        self._next_seq += len(rows)
        for row in rows:
            self._pending[row[4]] = row
            part = STREAM_RANK[Stream(row[1])], row[2]
            self._order_times[part] = max(self._order_times.get(part, 0), row[7])
        return rows[0][0]

    def _recount(self) -> int:
        """The number behind the last of the log, read anew.

        Raises:
            Misconfigured, Unavailable: as `KafkaLogReader`; LOG_LOCKED where another has given a
                number that an event bears which waits here: it would pass for what is there.
        """
        with self._reading:
            self._reader.close()
            self._reader = self._read()
            end, index = self._reader.end(), self._reader.index
        with self._lock:
            for seq, event_id in ((row[0], row[4]) for row in self._pending.values()):
                if seq < end and (event_id not in index or index[event_id][0] != seq):
                    raise locked(self._cluster, f"its event {seq} is another's")
        return end

    def _read(self) -> KafkaLogReader:
        """The log anew, as far as brokers still hold it."""
        return KafkaLogReader(self._cluster, cipher=self._cipher, answers=False, whole=False)

    def _forget(self) -> None:
        """Drops the ids of what brokers have let go of.

        Raises:
            Misconfigured, Unavailable: as `read_ends`.
        """
        ends = read_ends(self._cluster, self._manifest.partitions)
        with self._lock:
            self._index = {
                each: lies for each, lies in self._index.items() if lies[2] >= ends[lies[1]][0]
            }

    def _settle(self, group: list[Sent]) -> None:
        with self._lock:
            for submission in group:
                for row, offset in zip(submission.stored or (), submission.offsets, strict=True):
                    del self._pending[row[4]]
                    lies: Lies | None = (row[0], (STREAM_RANK[Stream(row[1])], row[2]), offset)
                    if offset < 0:
                        # A failed attempt had stored it all the same: the recount knows its place,
                        # unless brokers have let go of it since.
                        lies = self._reader.index.get(row[4])
                    if lies is not None:
                        self._index[row[4]] = lies
                        self._recent[row[4]] = (*row[:3], lies[2], *row[4:])
            while len(self._recent) > RECENT_MAX:
                self._recent.popitem(last=False)
            self._durable_end = group[-1].rows[-1][0] + 1
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            try:
                self._forget()
            except CrivoError as silent:
                # What is committed is committed; it is looked again.
                LOGGER.warning("kafka.silent", extra={"facts": {"words": str(silent)}})


def open_kafka_log(
    cluster: Cluster,
    *,
    clock: ClockKind | None,
    partitions: int | None,
    new_log_id: str,
    notify: Notify = call_directly,
    cipher: RecordCipher | None = None,
    identities: IdentitySealer | None = None,
) -> KafkaLog:
    """The log of a cluster whose topics are there, for its one writer; made where there is none.

    The one that opens it last is the writer: a former one is refused with LOG_LOCKED from then on.
    Without `clock` or `partitions` they are the log's own (a new one: a wall clock, 4 partitions).

    Raises:
        Misconfigured: LOG_MISMATCH where it was made with another clock or partition count, and as
            `KafkaLogReader`. Unavailable: LOG_UNAVAILABLE.
    """
    manifest = find_manifest(cluster)
    if manifest is None:
        new = Manifest(new_log_id, clock or ClockKind.WALL, partitions or 4)
        manifest = make_manifest(cluster, new)
    wanted = (clock or manifest.clock, partitions or manifest.partitions)
    if wanted != (manifest.clock, manifest.partitions):
        raise Misconfigured(
            Code.LOG_MISMATCH,
            "the log was made with another clock or another number of partitions",
            hint="Both are fixed when a log is made: open it as it is, or make a new log.",
            expected=f"{manifest.clock} clock, {manifest.partitions} partitions",
            found=f"{wanted[0]} clock, {wanted[1]} partitions",
        )
    return KafkaLog(cluster, manifest, notify=notify, cipher=cipher, identities=identities)

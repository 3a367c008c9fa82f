"""A log in Kafka as it stood at an instant: its end offsets are read once, and never move.

Its writer numbered each event, and an answer stands right behind the event that it answers. Within
a partition these places never fall, so all partitions are merged as they come: of each a few
records wait, whatever it holds.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Generator, Sequence
from typing import Final

from confluent_kafka import KafkaError, Message

from crivo.adapters.kafka.client import ANSWER_SECONDS_MAX, Cluster, answered, failure
from crivo.adapters.kafka.intake import (
    POLL_SECONDS,
    Intake,
    Keyed,
    Part,
    open_consumer,
    part_of,
    read_ends,
    topic_partition,
)
from crivo.adapters.kafka.manifest import number_kept, require_manifest
from crivo.adapters.kafka.records import headers_of, row_of
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.event import StoredEvent
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.flows.event_rows import EventRow, stored_event
from crivo.flows.ports import Manifest, Payload
from crivo.governance.record_cipher import RecordCipher

#: Where an event lies: its place among all, its partition, its offset.
Lies = tuple[int, Part, int]

_STREAMS = tuple(Stream)

#: How long the marks of a commit are waited for where a number is missing.
_MARKS_SECONDS_MAX: Final = 1.0


class KafkaLogReader:
    """A `LogReader` of what was there when it was opened. Not for two threads at once.

    An event id that comes again is left out, as every reader takes the first. Opening reads the
    log once, to know its ids; `read` goes on from where it stopped, and from the beginning where it
    is asked for what it has passed.

    Args:
        cluster: Where the log is.
        cipher: What opens sealed payloads; without it, one is refused as KEY_MISSING.
        answers: Whether what workers answered is part of it, or what the writer numbered alone.
        whole: Whether it is refused where brokers have let go of some. What is there else lies
            under the writer's numbers, and is all that is known of the log.

    Raises:
        Misconfigured: LOG_MISMATCH where the cluster has no topics of a log, or a number is
            missing; with `whole` also one that brokers have let go of.
        Refused: ROW_MALFORMED for a number on what is no event.
        Unavailable: NOT_FOUND where there is no log yet, LOG_UNAVAILABLE.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        cipher: RecordCipher | None = None,
        answers: bool = True,
        whole: bool = True,
    ) -> None:
        assert whole or not answers, "answers bear no number of their own"
        self._cluster = cluster
        self._whole = whole
        self._cipher = cipher
        self._answers = answers
        self._manifest = require_manifest(cluster)
        self._ends = read_ends(cluster, self._manifest.partitions)
        self._finder = open_consumer(cluster)
        self._begin_count()
        #: The number behind the greatest that the writer gave.
        self._behind = self._count_settled()
        if not whole:
            self._behind = max(self._behind, number_kept(cluster))
            if self._behind == 0 and any(low for low, _ in self._ends.values()):
                raise _all_gone(cluster)
        self._forward = self._merged()
        self._next: EventRow | None = next(self._forward, None)

    def _begin_count(self) -> None:
        #: Records that bear no number, or one that was there before: nobody's of ours.
        self.foreign = 0
        #: Answers whose id had come before.
        self.doubles = 0
        self.order_times: dict[Part, int] = {}
        self.index: dict[bytes, Lies] = {}
        self._doubled: set[tuple[Part, int]] = set()

    @property
    def manifest(self) -> Manifest:
        """The log's identity, clock and partitions a stream."""
        return self._manifest

    def read(
        self, *, start: int, limit: int, streams: frozenset[Stream] | None = None
    ) -> list[StoredEvent]:
        """Up to `limit` events with `seq >= start`, of these streams (None: of all)."""
        if start >= self.end():
            return []
        if self._next is None or self._next[0] > start:
            self._forward.close()
            self._forward = self._merged()
            self._next = next(self._forward, None)
        found: list[StoredEvent] = []
        while self._next is not None and len(found) < limit:
            is_asked = streams is None or Stream(self._next[1]) in streams
            if self._next[0] >= start and is_asked:
                found.append(stored_event(self._next, self._cipher))
            self._next = next(self._forward, None)
        return found

    def payloads(
        self, schema: str, stretch: range, *, since: int | None = None, until: int | None = None
    ) -> list[Payload]:
        """The events of a schema in a stretch, by their receipt: as `BulkReader` says."""
        found: list[Payload] = []
        for each in self.read(start=stretch.start, limit=len(stretch)):
            received_at = each.event.received_at
            is_asked = (since is None or received_at >= since) and (
                until is None or received_at < until
            )
            if each.event.schema == schema and is_asked:
                found.append((each.seq, each.event.payload))
        return found

    def end(self) -> int:
        """How many events there were, or the number behind the last where some may be gone."""
        return len(self.index) if self._whole else self._behind

    def known(self, event_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids that are in the log."""
        return {event_id for event_id in event_ids if event_id in self.index}

    def find(self, event_id: bytes) -> StoredEvent | None:
        """The event of this id."""
        lies = self.index.get(event_id)
        return None if lies is None else self.fetch(lies)

    def fetch(self, lies: Lies) -> StoredEvent:
        """The event that lies there.

        Raises:
            Unavailable: LOG_UNAVAILABLE where the brokers do not give it, or no longer.
        """
        seq, (rank, partition), offset = lies
        at = topic_partition(self._cluster, (rank, partition), offset)
        self._finder.assign([at])
        until = time.monotonic() + ANSWER_SECONDS_MAX
        while (left := until - time.monotonic()) > 0:
            with answered(self._cluster, "give a record"):
                found = self._finder.poll(left)
            if found is None:
                continue
            # The mark of a transaction comes a moment after its commit is answered: until then the
            # partition ends before its records, and is read again from there by itself.
            if (error := found.error()) is not None:
                if error.retriable() or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    continue
                raise failure(self._cluster, "give a record", error)
            if found.offset() != offset:
                break
            return stored_event(_row(found, (rank, partition), seq), self._cipher)
        raise Unavailable(
            Code.LOG_UNAVAILABLE,
            f"Kafka at {self._cluster.brokers} did not give a record that it has had: {at.topic}, "
            f"partition {partition}, offset {offset}",
            hint="See that its brokers run, and how long they keep records.",
            field="offset",
        )

    def order_time(self, stream: Stream, partition: int) -> int:
        """The greatest `received_at` of a partition; 0 where it is empty."""
        return self.order_times.get(part_of(stream, partition), 0)

    def close(self) -> None:
        """Ends its consumers."""
        self._forward.close()
        self._finder.close()

    def _count_settled(self) -> int:
        """Counts all. What a writer has just committed shows in one partition before another: where
        a number is missing it is counted anew, as long as the ends move.
        """
        while True:
            try:
                return self._count_all()
            except Misconfigured as missing:
                if missing.code is not Code.LOG_MISMATCH or not self._have_ends_moved():
                    raise
            self._begin_count()

    def _have_ends_moved(self) -> bool:
        until, before = time.monotonic() + _MARKS_SECONDS_MAX, self._ends
        while self._ends == before and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            self._ends = read_ends(self._cluster, self._manifest.partitions)
        return self._ends != before

    def _count_all(self) -> int:
        """Reads all once: ids, order times, doubles; sees that no number is missing but those that
        brokers have let go of, and gives the one behind the last.
        """
        expected = seq = 0
        #: Whose beginning is gone, and of which nothing came yet: a number may have lain there.
        cut = set() if self._whole else {part for part, (low, _) in self._ends.items() if low}
        for key, row in self._records(counts=True):
            part = STREAM_RANK[Stream(row[1])], row[2]
            if key % 2 == 0:
                if row[0] < expected:
                    # Another partition has it too: of one number the first counts.
                    self.foreign += 1
                    self._doubled.add((part, row[3]))
                    continue
                if row[0] > expected and not cut:
                    raise _missing(expected, row[0])
                cut.discard(part)
                expected = row[0] + 1
            elif not self._answers:
                continue
            if row[4] in self.index:
                self.doubles += 1
                self._doubled.add((part, row[3]))
                continue
            self.index[row[4]] = (seq if self._whole else row[0], part, row[3])
            self.order_times[part] = max(self.order_times.get(part, 0), row[7])
            seq += 1
        return expected

    def _merged(self) -> Generator[EventRow]:
        """Every event once, in the log's order, under its place among all."""
        seq = 0
        for key, row in self._records():
            part = STREAM_RANK[Stream(row[1])], row[2]
            if (key % 2 and not self._answers) or (part, row[3]) in self._doubled:
                continue
            yield seq if self._whole else row[0], *row[1:]
            seq += 1

    def _records(self, *, counts: bool = False) -> Generator[Keyed]:
        """All that is ours, in the order of its places."""

        def foreign(_message: Message, _why: Refused) -> None:
            self.foreign += counts

        lows = {part: low for part, (low, _) in self._ends.items()}
        highs = {part: high for part, (_, high) in self._ends.items()}
        intake = Intake(self._cluster, lows, highs, foreign=foreign)
        heads: list[tuple[int, Part]] = []

        def put(part: Part) -> None:
            intake.await_more(part)
            if intake.waiting[part]:
                heapq.heappush(heads, (intake.waiting[part][0][0], part))

        try:
            for part in sorted(lows):
                put(part)
            while heads:
                _, part = heapq.heappop(heads)
                yield intake.waiting[part].popleft()
                put(part)
        finally:
            intake.close()


def _row(message: Message, part: Part, seq: int) -> EventRow:
    rank, partition = part
    return row_of(
        _STREAMS[rank],
        partition,
        message.offset() or 0,
        number=seq,
        key=message.key(),
        value=message.value(),
        headers=headers_of(message),
    )


def _missing(expected: int, found: int) -> Misconfigured:
    return Misconfigured(
        Code.LOG_MISMATCH,
        f"the log's event {expected} is not on the brokers; the next is {found}",
        hint="They keep records for a while: read the log from its archive, or a copy of it.",
        field="seq",
        expected=expected,
        found=found,
    )


def _all_gone(cluster: Cluster) -> Misconfigured:
    return Misconfigured(
        Code.LOG_MISMATCH,
        f"Kafka at {cluster.brokers} has let go of all that was numbered, and no number is kept",
        hint="Nobody knows which number comes next: make a new log, kafka://HOST:PORT/NAME.",
        field="seq",
        expected="a number",
        found="nothing",
    )

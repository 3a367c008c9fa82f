"""A log in Kafka as it stood at an instant: its end offsets are read once, and never move.

Its writer numbered each event, and an answer stands right behind the event that it answers. Within
a partition these places never fall, so all partitions are merged as they come: of each a few
records wait, whatever it holds. Where one holds both numbered decisions and answers, which come
behind later numbers then, it is read twice at once: for the ones and for the others.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, Message, TopicPartition

from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    LOGGER,
    Cluster,
    answered,
    ask,
    failure,
    is_passing,
    watermarks,
)
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
#: By rank, the streams that answers lie in.
_ANSWERED: Final = frozenset({STREAM_RANK[Stream.DECISIONS], STREAM_RANK[Stream.ALERTS]})

#: Newest events that are held whole for a log's writer: what comes is mostly about one of them, and
#: brokers take milliseconds to give one that they hold.
RECENT_MAX: Final = 16_384

#: Looks for the marks of a commit where a number is missing: 3 s of them, more with slow brokers.
_LOOKS_MAX: Final = 60


class KafkaLogReader:
    """A `LogReader` of what was there when it was opened. Not for two threads at once.

    An event id that comes again is left out, as every reader takes the first. Opening reads the
    log once, to know its ids; `read` goes on from where it stopped, and from the beginning where it
    is asked for what it has passed.

    Args:
        cluster: Where the log is.
        cipher: What opens sealed payloads; without it, one is refused as KEY_MISSING.
        answers: Whether what workers answered is part of it, or what the writer numbered alone.
        whole: Whether it is refused where brokers have let go of some. Else it is read by the log's
            writer, who has taken its name: what is there lies under its numbers, and is all that is
            known of the log. What stood open then is waited for, so that nothing shows by half.

    Raises:
        Misconfigured: LOG_MISMATCH where the cluster has no topics of a log, or a number is
            missing. Without `whole` it may be one that brokers have let go of, if a partition has
            lost its beginning and gave no other number before it: how many are is logged.
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
        #: Whether partitions hold both what was numbered and answers, so that these are read apart.
        self._is_mixed = False
        # A transaction that stands open stands no longer than brokers may be away.
        self._silence_seconds_max = ANSWER_SECONDS_MAX if whole else cluster.outage_seconds
        self._manifest = require_manifest(cluster)
        self._ends = read_ends(cluster, self._manifest.partitions, is_settled=whole)
        self._finder = open_consumer(cluster)
        self._begin_count()
        #: The number behind the greatest that the writer gave.
        self._behind = self._count_settled() if whole else self._count_all()
        if self._behind == 0 and any(low for low, _ in self._ends.values()):
            if not whole:
                raise _all_gone(cluster)
            if (kept := number_kept(cluster)) > 0:
                raise _missing(0, kept)
        self._forward = self._merged()
        self._next: EventRow | None = next(self._forward, None)

    def _begin_count(self) -> None:
        #: Behind what the writer gave until now: all that lies below the ends, and maybe more where
        #: it is another who writes.
        self._given = number_kept(self._cluster, is_settled=not self._whole)
        #: Records that bear no number, or one that was there before: nobody's of ours.
        self.foreign = 0
        #: Answers whose id had come before.
        self.doubles = 0
        self.order_times: dict[Part, int] = {}
        self.index: dict[bytes, Lies] = {}
        #: The newest rows, for a log's writer alone.
        self.recent: deque[EventRow] = deque(maxlen=0 if self._whole else RECENT_MAX)
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
        """The event of this id.

        Raises:
            Unavailable: LOG_UNAVAILABLE where the brokers do not give it, or no longer.
        """
        lies = self.index.get(event_id)
        if lies is None:
            return None
        found = self.fetch(lies)
        if found is None:
            raise self._not_given(lies)
        return found

    def fetch(self, lies: Lies) -> StoredEvent | None:
        """The event that lies there; None where brokers have let go of it.

        Raises:
            Unavailable: LOG_UNAVAILABLE where the brokers do not give it.
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
                if is_passing(error) or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    continue
                if self._is_gone(at):
                    return None
                raise failure(self._cluster, "give a record", error)
            if found.offset() != offset:
                break
            return stored_event(_row(found, (rank, partition), seq), self._cipher)
        raise self._not_given(lies)

    def _is_gone(self, at: TopicPartition) -> bool:
        """Whether its partition begins behind it by now."""
        told = partial(watermarks, self._finder, at)
        low, _ = ask(self._cluster, "tell where a topic begins", self._finder, told)
        return at.offset < low

    def _not_given(self, lies: Lies) -> Unavailable:
        _, part, offset = lies
        at = topic_partition(self._cluster, part)
        return Unavailable(
            Code.LOG_UNAVAILABLE,
            f"Kafka at {self._cluster.brokers} did not give a record that it has had: {at.topic}, "
            f"partition {at.partition}, offset {offset}",
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
        before, looks = self._ends, 0
        while self._ends == before and looks < _LOOKS_MAX:
            time.sleep(POLL_SECONDS)
            self._ends = read_ends(self._cluster, self._manifest.partitions)
            looks += 1
        return self._ends != before

    def _count_all(self) -> int:
        """Reads all once: ids, order times, doubles; sees that no number is missing but those that
        brokers have let go of, and gives the one behind the last.
        """
        expected = seq = gone = 0
        #: Whose beginning is gone, and of which nothing came yet: a number may have lain there.
        cut = set() if self._whole else {part for part, (low, _) in self._ends.items() if low}
        kinds = set()
        for key, row in self._records(counts=True):
            part = STREAM_RANK[Stream(row[1])], row[2]
            if part[0] in _ANSWERED:
                kinds.add(key % 2)
            if key % 2 == 0:
                if row[0] < expected:
                    # A lesser partition has it too, or bears it earlier: that one counts.
                    self.foreign += 1
                    self._doubled.add((part, row[3]))
                    continue
                if row[0] > expected and not cut:
                    raise _missing(expected, row[0])
                gone += row[0] - expected
                cut.discard(part)
                expected = row[0] + 1
            elif not self._answers:
                continue
            if row[4] in self.index:
                self.doubles += 1
                self._doubled.add((part, row[3]))
                continue
            self.index[row[4]] = (seq if self._whole else row[0], part, row[3])
            self.recent.append(row)
            self.order_times[part] = max(self.order_times.get(part, 0), row[7])
            seq += 1
        if self._answers and not self._is_mixed and len(kinds) == 2:
            self._is_mixed = True
            self._begin_count()
            return self._count_all()
        if self._whole:
            return expected
        if self._given > expected:
            if not cut:
                raise _missing(expected, self._given)
            gone += self._given - expected
            expected = self._given
        if gone:
            facts = {"numbers": gone, "of": expected}
            LOGGER.info("kafka.numbers_gone", extra={"facts": facts})
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

        open_intake = partial(
            Intake,
            self._cluster,
            newest=lambda _number: self._given,
            silence_seconds_max=self._silence_seconds_max,
        )
        lows, highs = self._bounds(self._ends)
        numbered_from = 0 if self._is_mixed else None
        intakes = [open_intake(lows, highs, foreign=foreign, numbered_from=numbered_from)]
        if self._is_mixed:
            lows, highs = self._bounds([part for part in self._ends if part[0] in _ANSWERED])
            intakes.append(open_intake(lows, highs, answers_only=True))
        heads: list[tuple[int, int, Part]] = []

        def put(which: int, part: Part) -> None:
            intake = intakes[which]
            intake.await_more(part)
            if intake.waiting[part]:
                heapq.heappush(heads, (intake.waiting[part][0][0], which, part))

        try:
            for which, intake in enumerate(intakes):
                for part in sorted(intake.waiting):
                    put(which, part)
            while heads:
                _, which, part = heapq.heappop(heads)
                yield intakes[which].waiting[part].popleft()
                put(which, part)
        finally:
            for intake in intakes:
                intake.close()

    def _bounds(self, parts: Iterable[Part]) -> tuple[dict[Part, int], dict[Part, int]]:
        """Of each partition where it begins and ends."""
        lows, highs = ({part: self._ends[part][at] for part in parts} for at in (0, 1))
        return lows, highs


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

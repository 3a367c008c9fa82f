"""What comes from the partitions of a log, each in its order: of none too much waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    LOGGER,
    Cluster,
    answered,
    failure,
    open_admin,
)
from crivo.adapters.kafka.records import headers_of, place_of, row_of
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.streams import STREAM_RANK, Stream
from crivo.flows.event_rows import EventRow

#: Records of one call to the client.
POLL_RECORDS: Final = 1_000
#: Records that may wait in all for those of other partitions. Beyond it none is read further of
#: which much waits: whatever its client fetched ahead is lost then, and fetched again later.
WAITING_MAX: Final = 32 * POLL_RECORDS

#: A call waits so long for the first of them.
POLL_SECONDS: Final = 0.05

#: A (stream, partition) as it is numbered: its stream's rank, its partition.
Part = tuple[int, int]

#: A row under its key in the order of the log: twice its number, and one more for an answer.
Keyed = tuple[int, EventRow]

#: Told of a record that is nobody's of ours: its message, and why.
Foreign = Callable[[Message, Refused], None]

#: First the beginning, then what is committed.
_SPECS: Final = (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]

#: A topic that was just made, or whose broker just changed: the next broker that is asked knows.
_PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
    }
)

_STREAMS: Final = tuple(Stream)

_OPTIONS: Final = {
    # No group: places are this reader's own, and nobody else's reading moves them.
    "group.id": "crivo-reader",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 20,
}


def open_consumer(cluster: Cluster) -> Consumer:
    """A consumer that reads what is committed, from where it is told to.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    with answered(cluster, "open a consumer"):
        return Consumer({**cluster.options(), **_OPTIONS}, logger=LOGGER)


def read_ends(
    cluster: Cluster, partitions: int, *, is_settled: bool = True
) -> dict[Part, tuple[int, int]]:
    """The first offset of each partition of the log, and the one after the last that is committed.

    Behind a transaction that stands open nothing counts as committed. Without `is_settled` it is
    the one after the last that is there: an `Intake` up to it waits until all of that is settled.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    admin = open_admin(cluster)
    parts = [(rank, number) for rank in range(len(_STREAMS)) for number in range(partitions)]
    asked = [topic_partition(cluster, part) for part in parts]
    isolation = IsolationLevel.READ_COMMITTED if is_settled else IsolationLevel.READ_UNCOMMITTED
    until = time.monotonic() + ANSWER_SECONDS_MAX
    with answered(cluster, "tell where its topics begin and end"):
        while True:
            try:
                lows, highs = (_offsets(admin, asked, spec, isolation) for spec in _SPECS)
                return dict(zip(parts, zip(lows, highs, strict=True), strict=True))
            except KafkaException as raised:
                if raised.args[0].code() not in _PASSING or time.monotonic() > until:
                    raise
            time.sleep(POLL_SECONDS)


def _offsets(
    admin: AdminClient,
    asked: Sequence[TopicPartition],
    spec: OffsetSpec,
    isolation: IsolationLevel,
) -> list[int]:
    answers = admin.list_offsets(
        dict.fromkeys(asked, spec),
        isolation_level=isolation,
        request_timeout=ANSWER_SECONDS_MAX,
    )
    found = {
        # Its own end of waiting is the client's: a wait as long as that would be a toss of a coin.
        (each.topic, each.partition): answer.result(2 * ANSWER_SECONDS_MAX).offset
        for each, answer in answers.items()
    }
    return [found[each.topic, each.partition] for each in asked]


def topic_partition(cluster: Cluster, part: Part, offset: int = OFFSET_INVALID) -> TopicPartition:
    """A partition as the client names it."""
    rank, partition = part
    return TopicPartition(cluster.named(_STREAMS[rank].value), partition, offset)


class Intake:
    """The records of partitions from offsets on; with `ends`, below those alone.

    With `numbered_from` it gives what the writer numbered from there on, and no answers.
    A record that bears no number is nobody's of ours, and so is one whose number is no greater than
    one before it in its partition: it is passed over and told to `foreign`.
    Nothing may come for `silence_seconds_max` of what is awaited.

    Raises:
        Misconfigured, Unavailable: as `answered`.
        Refused: ROW_MALFORMED where a record bears a number and is no event, at whatever reads it:
            the log is damaged, and nobody may pass over what it counts.
    """

    def __init__(
        self,
        cluster: Cluster,
        starts: Mapping[Part, int],
        ends: Mapping[Part, int] | None,
        *,
        foreign: Foreign | None = None,
        numbered_from: int | None = None,
        silence_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self._cluster = cluster
        self._from = numbered_from
        self._silence_seconds_max = silence_seconds_max
        #: The offset up to which each partition was read.
        self.reached: dict[Part, int] = {}
        #: How many answers were passed over.
        self.passed_over = 0
        self._ends = ends
        self._foreign = foreign
        self.waiting: dict[Part, deque[Keyed]] = {part: deque() for part in starts}
        #: Those of which more may come.
        self.open = {part for part in starts if ends is None or starts[part] < ends[part]}
        self._next = dict(starts)
        self._flowing: set[Part] = set()
        self._held: frozenset[Part] = frozenset()
        #: By partition: the greatest number of the log's writer so far.
        self._numbers: dict[Part, int] = {}
        self._parts = {
            (cluster.named(_STREAMS[rank].value), number): (rank, number) for rank, number in starts
        }
        self._consumer = open_consumer(cluster)

    def close(self) -> None:
        """Ends the consumer."""
        self._consumer.close()

    def hold(self, parts: Collection[Part]) -> None:
        """Reads these no further, and goes on with all others, until it is told again.

        Raises:
            Misconfigured, Unavailable: as `answered`.
        """
        self._held = frozenset(parts)
        with answered(self._cluster, "read its topics"):
            self._stop(self._flowing & self._held)

    def await_more(self, part: Part) -> None:
        """Until a record of the partition waits, or none can come any more.

        Raises:
            Refused: ROW_MALFORMED.
            Unavailable: LOG_UNAVAILABLE where nothing comes for too long.
        """
        until = time.monotonic() + self._silence_seconds_max
        while not self.waiting[part] and part in self.open:
            if self.poll():
                until = time.monotonic() + self._silence_seconds_max
            elif time.monotonic() > until:
                place = topic_partition(self._cluster, part, self._next[part])
                raise Unavailable(
                    Code.LOG_UNAVAILABLE,
                    f"Kafka at {self._cluster.brokers} gave nothing of {place.topic}, partition "
                    f"{place.partition}, from offset {place.offset} on for "
                    f"{self._silence_seconds_max:g} s",
                    hint="See that its brokers run and can be reached; then read again. Where they "
                    "do, a transaction stands open there: docs/how-to/topics.md says who ends it.",
                    field=place.topic,
                )

    def poll(self, seconds: float = POLL_SECONDS) -> int:
        """Takes what has come, and says how much that was; waits so long for the first record.

        Raises:
            Refused: ROW_MALFORMED.
            Misconfigured, Unavailable: as `answered`.
        """
        self._let_flow()
        with answered(self._cluster, "read its topics"):
            # To ask for many at once would be to wait for all of them.
            first = self._consumer.poll(seconds)
            if first is None:
                return 0
            messages = [first, *self._consumer.consume(POLL_RECORDS - 1, timeout=0)]
        for message in messages:
            self._take(message)
        return len(messages)

    def lag(self) -> int:
        """Records that brokers have told of and that were not read yet."""
        behind = 0
        for part in self._flowing:
            told = topic_partition(self._cluster, part)
            _, high = self._consumer.get_watermark_offsets(told, cached=True)
            # Marks of transactions lie behind the last record, and are nobody's to read.
            behind += max(0, high - max(self._next[part], self.reached.get(part, 0)))
        return behind

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            if error.retriable():
                return
            raise failure(self._cluster, "read its topics", error)
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None and partition is not None and offset is not None
        part = self._parts[topic, partition]
        if part not in self._flowing or offset < self._next[part]:
            return
        end = None if self._ends is None else self._ends[part]
        if error is None and (end is None or offset < end):
            self._keep(part, offset, message)
            self._next[part] = offset + 1
        self.reached[part] = offset + (error is None)
        if end is not None and self.reached[part] >= end:
            self.open.discard(part)
            self._stop({part})

    def _keep(self, part: Part, offset: int, message: Message) -> None:
        rank, partition = part
        headers = headers_of(message)
        place = place_of(headers)
        last = self._numbers.get(part, -1)
        if place is None or not (place.is_answer or place.number > last):
            if self._foreign is not None:
                stream = _STREAMS[rank]
                why = no_number(stream) if place is None else _again(stream, place.number, last)
                self._foreign(message, why)
            return
        if not place.is_answer:
            self._numbers[part] = place.number
        if self._from is not None and (place.is_answer or place.number < self._from):
            self.passed_over += place.is_answer
            return
        row = row_of(
            _STREAMS[rank],
            partition,
            offset,
            number=place.number,
            key=message.key(),
            value=message.value(),
            headers=headers,
        )
        self.waiting[part].append((2 * place.number + place.is_answer, row))

    def _let_flow(self) -> None:
        """Reads no further where many records wait, and goes on where few do."""
        few = {part for part in self.open if len(self.waiting[part]) < POLL_RECORDS}
        if sum(map(len, self.waiting.values())) >= WAITING_MAX:
            self._stop(self._flowing - few)
        if go := few - self._flowing - self._held:
            at = [topic_partition(self._cluster, part, self._next[part]) for part in go]
            self._consumer.incremental_assign(at)
            self._flowing |= go

    def _stop(self, parts: set[Part]) -> None:
        if parts:
            gone = [topic_partition(self._cluster, part) for part in parts]
            self._consumer.incremental_unassign(gone)
            self._flowing -= parts


def part_of(stream: Stream, partition: int) -> Part:
    """A partition as it is numbered."""
    return STREAM_RANK[stream], partition


def no_number(stream: Stream) -> Refused:
    """Why a record without a number is nobody's of ours."""
    return Refused(
        Code.ROW_MALFORMED,
        f"a record of {stream} bears no number of the log",
        hint="Only the log's writer appends to its topics; outsiders produce to the inbox.",
        field="headers",
        expected="one that is named seq, or answers",
        found="neither",
    )


def _again(stream: Stream, number: int, last: int) -> Refused:
    return Refused(
        Code.ROW_MALFORMED,
        f"a record of {stream} bears a number that its partition has passed",
        hint="Only the log's writer appends to its topics; outsiders produce to the inbox.",
        field="seq",
        expected=f"over {last}",
        found=number,
    )

"""What comes from the partitions of a log, each in its order: of none too much waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
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
    CLIENT_LOGGER,
    Cluster,
    answered,
    ask,
    failure,
    is_passing,
    open_admin,
    result_of,
)
from crivo.adapters.kafka.numbers import Newest, Numbers, Passed
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

EARLIEST: Final[OffsetSpec] = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]

_STREAMS: Final = tuple(Stream)

_OPTIONS: Final = {
    # No group: places are this reader's own, and nobody else's reading moves them.
    "group.id": "crivo-reader",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "fetch.wait.max.ms": 20,
}


def open_consumer(cluster: Cluster, *, is_settled: bool = True) -> Consumer:
    """A consumer that reads what is committed, from where it is told to; without `is_settled` also
    what stands open or was taken back.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    isolation = {"isolation.level": "read_committed" if is_settled else "read_uncommitted"}
    with answered(cluster, "open a consumer"):
        return Consumer({**cluster.options(), **_OPTIONS, **isolation}, logger=CLIENT_LOGGER)


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

    def told(seconds: float) -> list[list[int]]:
        return [
            offsets(admin, asked, spec, seconds, isolation=isolation) for spec in (EARLIEST, LATEST)
        ]

    lows, highs = ask(cluster, "tell where its topics begin and end", admin, told)
    return dict(zip(parts, zip(lows, highs, strict=True), strict=True))


def offsets(
    admin: AdminClient,
    asked: Sequence[TopicPartition],
    spec: OffsetSpec,
    seconds: float,
    *,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> list[int]:
    """One offset of each of these partitions, as `ask` puts the question.

    Raises:
        KafkaException: also where only one partition's is not told.
    """
    answers = admin.list_offsets(
        dict.fromkeys(asked, spec), isolation_level=isolation, request_timeout=seconds
    )
    found = {
        (each.topic, each.partition): result_of(answer, seconds).offset
        for each, answer in answers.items()
    }
    told = [found[each.topic, each.partition] for each in asked]
    if min(told, default=0) < 0:
        # The client says no more of a leader that fell silent, and answers for those that did not.
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
    return told


def topic_partition(cluster: Cluster, part: Part, offset: int = OFFSET_INVALID) -> TopicPartition:
    """A partition as the client names it."""
    rank, partition = part
    return TopicPartition(cluster.named(_STREAMS[rank].value), partition, offset)


class Intake:
    """The records of partitions from offsets on; with `ends`, below those alone.

    With `numbered_from` it gives what the writer numbered from there on, and no answers; with
    `answers_only` it gives these and nothing else.
    A record that bears no number is nobody's of ours, and so is one whose number is no greater than
    one before it in its partition (`passed`: before `starts`), or that the writer has not given
    yet, as `newest` says where it is asked: it is passed over and told to `foreign`.
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
        newest: Newest | None = None,
        passed: Passed = MappingProxyType({}),
        numbered_from: int | None = None,
        answers_only: bool = False,
        silence_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self._cluster = cluster
        self._from = numbered_from
        self._answers_only = answers_only
        self._silence_seconds_max = silence_seconds_max
        #: The offset up to which each partition was read.
        self.reached: dict[Part, int] = {}
        #: How many answers were passed over.
        self.passed_over = 0
        self._ends = ends
        self._foreign = foreign
        self._numbers = Numbers(newest, passed)
        self.waiting: dict[Part, deque[Keyed]] = {part: deque() for part in starts}
        #: Those of which more may come.
        self.open = {part for part in starts if ends is None or starts[part] < ends[part]}
        self._next = dict(starts)
        self._flowing: set[Part] = set()
        self._held: frozenset[Part] = frozenset()
        #: The end of each as brokers told it last: of what is not read they tell nothing.
        self._told = dict.fromkeys(starts, 0)
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
        """Records that brokers have told of and that were not read yet, but for what is held.

        Of a partition of which much waits they tell no more until it is read further: until then
        its end is the one that they told last.
        """
        self._note_ends(self._flowing)
        # Marks of transactions lie behind the last record, and are nobody's to read.
        return sum(
            max(0, self._told[part] - max(self._next[part], self.reached.get(part, 0)))
            for part in self.open - self._held
        )

    def _note_ends(self, parts: Collection[Part]) -> None:
        for part in parts:
            asked = topic_partition(self._cluster, part)
            _, high = self._consumer.get_watermark_offsets(asked, cached=True)
            if high >= 0:
                self._told[part] = high

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            if is_passing(error):
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
        why = self._numbers.fault(_STREAMS[rank], partition, place)
        if why is not None and self._foreign is not None:
            self._foreign(message, why)
        if place is None or why is not None:
            return
        if self._from is not None and (place.is_answer or place.number < self._from):
            self.passed_over += place.is_answer
            return
        if self._answers_only and not place.is_answer:
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
            self._note_ends(parts)
            gone = [topic_partition(self._cluster, part) for part in parts]
            self._consumer.incremental_unassign(gone)
            self._flowing -= parts


def part_of(stream: Stream, partition: int) -> Part:
    """A partition as it is numbered."""
    return STREAM_RANK[stream], partition

"""Publishing answers and committing what is answered: one after the other, or as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from crivo.adapters.kafka.aside import Aside, place_behind
from crivo.adapters.kafka.client import LOGGER, Cluster, answered
from crivo.adapters.kafka.dead_letters import headers_in, letter_of
from crivo.adapters.kafka.intake import no_number
from crivo.adapters.kafka.records import Record, answer_of
from crivo.adapters.kafka.topics import DEAD_LETTERS
from crivo.adapters.kafka.transactions import PRODUCER, Member, Transactions
from crivo.domain.errors import Refused
from crivo.domain.streams import Stream, partition_of
from crivo.flows.answering import Answered
from crivo.flows.event_rows import EventRow, row_of

_WORDS: Final = logging.getLogger("crivo.worker")

#: Seals rows as the log's own writer does.
Seal = Callable[[list[EventRow]], list[EventRow]]


class Outgoing(NamedTuple):
    """A record on its way, sealed, and where to."""

    stream: str
    partition: int
    record: Record


class Publisher(Protocol):
    """How answers get into the log."""

    def records(self, answers: Sequence[Answered]) -> list[Outgoing]:
        """What is published of answers. In the thread that decides: sealing lets go of Python's
        lock for each record, and beside a thread that works would wait for it each time.

        Raises:
            Unavailable: FILE_UNWRITABLE where a new key cannot be kept.
        """
        ...

    def publish(
        self, records: Sequence[Outgoing], offsets: Sequence[TopicPartition], member: Member
    ) -> bool:
        """Whether all are published; brokers may be away for as long as the cluster says. In any
        thread: the group's member is not asked.

        Raises:
            Misconfigured, Unavailable: as `answered`; what is committed then, nobody knows.
        """
        ...

    def commit(self, offsets: Sequence[TopicPartition], group: Consumer) -> bool:
        """Whether the offsets of what is published are the group's. In its member's own thread."""
        ...

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """Puts a record that is no event among the dead letters of its topic, and keeps that it is
        there.

        Raises:
            Misconfigured, Unavailable: as `publish`.
        """
        ...

    def aside(self, partitions: Collection[int]) -> Mapping[tuple[str, int], int]:
        """As `Aside.places`. In any thread."""
        ...


class _Records:
    """Makes the records of answers, sends them, and waits for all of them."""

    def __init__(self, cluster: Cluster, partitions: int, seal: Seal, producer: Producer) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._seal = seal
        self.producer = producer
        self._error: KafkaError | None = None

    def of(self, answers: Sequence[Answered]) -> list[Outgoing]:
        """As `Publisher.records`."""
        rows, causes = self._rows(answers)
        return [
            Outgoing(row[1], row[2], answer_of(row, cause=cause))
            for row, cause in zip(self._seal(rows), causes, strict=True)
        ]

    def send(self, records: Sequence[Outgoing]) -> None:
        """Hands the records to the client.

        Raises:
            KafkaException: the client takes none.
        """
        self._error = None
        for stream, partition, record in records:
            self.produce(stream, record.value, record.key, partition, record.headers)

    def produce(
        self,
        name: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: list[tuple[str, str | bytes | None]],
    ) -> None:
        """Hands over one record; waits while as many wait as may."""
        while True:
            try:
                self.producer.produce(
                    self._cluster.named(name), value, key, partition, self._told, headers=headers
                )
                break
            except BufferError:
                self.producer.poll(0.1)

    def wait(self) -> None:
        """Until all are on enough brokers.

        Raises:
            KafkaException: one of them is not.
        """
        left = self.producer.flush(self._cluster.outage_seconds + 1)
        if self._error is not None or left:
            raise KafkaException(self._error or KafkaError(KafkaError.REQUEST_TIMED_OUT))

    def _rows(self, answers: Sequence[Answered]) -> tuple[list[EventRow], list[bytes]]:
        rows: list[EventRow] = []
        causes: list[bytes] = []
        for each in answers:
            for event in each.events:
                partition = partition_of(event.key, self._partitions)
                rows.append(row_of(event, seq=each.transfer.seq, partition=partition))
                causes.append(each.transfer.event.event_id)
        return rows, causes

    def _told(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self._error is None:
            self._error = error


class PlainPublisher:
    """Publishes, then commits: soonest there; after a kill, some answers come twice.

    A record that comes twice has the id and the contents of the first, and readers take the first.
    """

    def __init__(self, cluster: Cluster, partitions: int, seal: Seal) -> None:
        self._cluster = cluster
        options = {**PRODUCER, "delivery.timeout.ms": int(cluster.outage_seconds * 1e3)}
        with answered(cluster, "open a producer"):
            self._producer = Producer({**cluster.options(), **options}, logger=LOGGER)
        self._aside = Aside(cluster)
        self._records = _Records(cluster, partitions, seal, self._producer)

    def records(self, answers: Sequence[Answered]) -> list[Outgoing]:
        """As `Publisher`."""
        return self._records.of(answers)

    def publish(
        self, records: Sequence[Outgoing], offsets: Sequence[TopicPartition], member: Member
    ) -> bool:
        """As `Publisher`."""
        with answered(self._cluster, "take answers"):
            self._records.send(records)
            self._records.wait()
        return True

    def commit(self, offsets: Sequence[TopicPartition], group: Consumer) -> bool:
        """As `Publisher`: not where the group has gone on without this member."""
        try:
            group.commit(offsets=list(offsets), asynchronous=False)
        except KafkaException as raised:
            words = raised.args[0].str()
            _WORDS.warning("worker.not_committed", extra={"facts": {"words": words}})
            return False
        return True

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """As `Publisher`."""
        with answered(self._cluster, "take a dead letter"):
            _set_aside(self._cluster, self._records, message, refusal)
            self._records.wait()
        self._aside.keep(message)

    def aside(self, partitions: Collection[int]) -> Mapping[tuple[str, int], int]:
        """As `Publisher`."""
        return self._aside.places(partitions)


def set_aside_once(cluster: Cluster, partitions: int, foreign: Sequence[Message]) -> None:
    """Puts records without a number, in the order of their offsets, among the dead letters of their
    topics, but for those that are there.

    Raises:
        Misconfigured, Unavailable: as `Publisher.set_aside`.
    """
    publisher = PlainPublisher(cluster, partitions, list)
    judged = publisher.aside(range(partitions))
    for each in foreign:
        behind = place_behind(each)
        if behind.offset > judged.get((behind.topic, behind.partition), 0):
            stream = Stream(behind.topic.removeprefix(cluster.named("")))
            publisher.set_aside(each, no_number(stream))


class ExactPublisher:
    """Publishes and commits in one transaction: each answer is there once, or not yet.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(self, cluster: Cluster, partitions: int, seal: Seal, *, name: str) -> None:
        self._cluster = cluster
        self._transactions = Transactions(cluster, name=name, who="worker")
        self._aside = Aside(cluster)
        self._records = _Records(cluster, partitions, seal, self._transactions.producer)

    def records(self, answers: Sequence[Answered]) -> list[Outgoing]:
        """As `Publisher`."""
        return self._records.of(answers)

    def publish(
        self, records: Sequence[Outgoing], offsets: Sequence[TopicPartition], member: Member
    ) -> bool:
        """As `Publisher`: published and committed, or neither."""

        def work() -> None:
            self._records.send(records)
            self._transactions.send_offsets(offsets, member)

        return self._is_done(work)

    def commit(self, offsets: Sequence[TopicPartition], group: Consumer) -> bool:
        """As `Publisher`: the transaction did."""
        return True

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """As `Publisher`."""

        def work() -> None:
            _set_aside(self._cluster, self._records, message, refusal)
            member = self._aside.group.consumer_group_metadata()
            self._transactions.send_offsets([place_behind(message)], member)

        while not self._is_done(work):
            pass

    def aside(self, partitions: Collection[int]) -> Mapping[tuple[str, int], int]:
        """As `Publisher`."""
        return self._aside.places(partitions)

    def _is_done(self, work: Callable[[], None]) -> bool:
        """As `Transactions.is_done`, by whichever producer is the newest."""
        self._records.producer = self._transactions.producer
        return self._transactions.is_done(work)


def _set_aside(cluster: Cluster, records: _Records, message: Message, refusal: Refused) -> None:
    """Sends a record that is no event to the dead letters of its topic."""
    topic = (message.topic() or "").removeprefix(cluster.named(""))
    letter = letter_of(message, headers_in(message), refusal)
    records.produce(topic + DEAD_LETTERS, letter.value, letter.key, 0, letter.headers)

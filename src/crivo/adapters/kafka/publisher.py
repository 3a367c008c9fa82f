"""Publishing answers and committing what is answered: one after the other, or as one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from crivo.adapters.kafka.aside import Aside, place_behind
from crivo.adapters.kafka.client import CLIENT_LOGGER, Cluster, answered, patiently
from crivo.adapters.kafka.dead_letters import Letter, headers_in, letter_of
from crivo.adapters.kafka.numbers import no_number, not_the_writers
from crivo.adapters.kafka.records import Record, answer_of, headers_of, place_of
from crivo.adapters.kafka.topics import DEAD_LETTERS
from crivo.adapters.kafka.transactions import PRODUCER, Member, Transactions
from crivo.domain.errors import Refused
from crivo.domain.streams import Stream, partition_of
from crivo.flows.answering import Answered
from crivo.flows.event_rows import EventRow, row_of
from crivo.flows.owed_ends import Ended
from crivo.governance.refused_cipher import RefusedCipher

_WORDS: Final = logging.getLogger("crivo.worker")

#: Seals rows as the log's own writer does.
Seal = Callable[[list[EventRow]], list[EventRow]]


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record on its way, sealed, and where to."""

    stream: str
    partition: int
    record: Record


class Publisher(Protocol):
    """How answers get into the log."""

    def records(self, answers: Sequence[Answered], ends: Sequence[Ended] = ()) -> list[Outgoing]:
        """What is published of answers and of the ends of holds. In the thread that decides:
        sealing lets go of Python's lock for each record, and beside a thread that works would wait
        for it each time.

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
        """Puts a record that is no event, sealed, among the dead letters of its topic, and keeps
        that it is there.

        Raises:
            Misconfigured, Unavailable: as `publish`, and as `letter_of`.
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

    def of(self, answers: Sequence[Answered], ends: Sequence[Ended]) -> list[Outgoing]:
        """As `Publisher.records`."""
        rows, causes = self._rows(answers)
        for each in ends:
            partition = partition_of(each.event.key, self._partitions)
            rows.append(row_of(each.event, seq=each.number, partition=partition))
            causes.append(each.cause)
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
        for each in records:
            record = each.record
            self.produce(each.stream, record.value, record.key, each.partition, record.headers)

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
            seq, own, _, cause = each.transfer
            for event in each.events:
                # Nearly all have their transfer's key, and lie in the partition of its number.
                is_own = event.key == cause.key
                partition = own if is_own else partition_of(event.key, self._partitions)
                rows.append(row_of(event, seq=seq, partition=partition))
                causes.append(cause.event_id)
        return rows, causes

    def _told(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self._error is None:
            self._error = error


class PlainPublisher:
    """Publishes, then commits: soonest there; after a kill, some answers come twice.

    A record that comes twice has the id and the contents of the first, and readers take the first.
    What is set aside is sealed by `refused`.
    """

    def __init__(
        self, cluster: Cluster, partitions: int, seal: Seal, refused: RefusedCipher
    ) -> None:
        self._cluster = cluster
        self._refused = refused
        options = {**PRODUCER, "delivery.timeout.ms": int(cluster.outage_seconds * 1e3)}
        with answered(cluster, "open a producer"):
            self._producer = Producer({**cluster.options(), **options}, logger=CLIENT_LOGGER)
        self._aside = Aside(cluster)
        self._records = _Records(cluster, partitions, seal, self._producer)

    def records(self, answers: Sequence[Answered], ends: Sequence[Ended] = ()) -> list[Outgoing]:
        """As `Publisher`."""
        return self._records.of(answers, ends)

    def publish(
        self, records: Sequence[Outgoing], offsets: Sequence[TopicPartition], member: Member
    ) -> bool:
        """As `Publisher`."""
        with answered(self._cluster, "take answers"):
            self._records.send(records)
            self._records.wait()
        return True

    def commit(self, offsets: Sequence[TopicPartition], group: Consumer) -> bool:
        """As `Publisher`."""
        return commit(offsets, group)

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """As `Publisher`."""
        name, letter = _aside(self._cluster, message, refusal, self._refused)
        with answered(self._cluster, "take a dead letter"):
            self._records.produce(name, letter.value, None, 0, letter.headers)
            self._records.wait()
        self._aside.keep(message)

    def aside(self, partitions: Collection[int]) -> Mapping[tuple[str, int], int]:
        """As `Publisher`."""
        return self._aside.places(partitions)


def commit(offsets: Sequence[TopicPartition], group: Consumer) -> bool:
    """Whether the offsets are the group's: not where it has gone on without this member."""
    try:
        group.commit(offsets=list(offsets), asynchronous=False)
    except KafkaException as raised:
        words = raised.args[0].str()
        _WORDS.warning("worker.not_committed", extra={"facts": {"words": words}})
        return False
    return True


def set_aside_once(
    cluster: Cluster, partitions: int, foreign: Sequence[Message], refused: RefusedCipher
) -> None:
    """Puts records that are nobody's of ours, in the order of their offsets, sealed by `refused`,
    among the dead letters of their topics, but for those that are there.

    Raises:
        Misconfigured, Unavailable: as `Publisher.set_aside`.
    """
    publisher = PlainPublisher(cluster, partitions, list, refused)
    judged = patiently(cluster, partial(publisher.aside, range(partitions)))
    for each in foreign:
        behind = place_behind(each)
        if behind.offset > judged.get((behind.topic, behind.partition), 0):
            stream = Stream(behind.topic.removeprefix(cluster.named("")))
            place = place_of(headers_of(each))
            publisher.set_aside(
                each, no_number(stream) if place is None else not_the_writers(stream, place.number)
            )


class ExactPublisher:
    """Publishes and commits in one transaction: each answer is there once, or not yet.

    What is set aside is sealed by `refused`.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self, cluster: Cluster, partitions: int, seal: Seal, refused: RefusedCipher, *, name: str
    ) -> None:
        self._cluster = cluster
        self._refused = refused
        self._transactions = Transactions(cluster, name=name, who="worker")
        self._aside = Aside(cluster)
        self._records = _Records(cluster, partitions, seal, self._transactions.producer)

    def records(self, answers: Sequence[Answered], ends: Sequence[Ended] = ()) -> list[Outgoing]:
        """As `Publisher`."""
        return self._records.of(answers, ends)

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
        name, letter = _aside(self._cluster, message, refusal, self._refused)

        def work() -> None:
            self._records.produce(name, letter.value, None, 0, letter.headers)
            member = self._aside.group.consumer_group_metadata()
            self._transactions.send_offsets([place_behind(message)], member)

        while not self._is_done(work):
            # One that was only not heard of is there.
            if self._aside.is_kept(message):
                return

    def aside(self, partitions: Collection[int]) -> Mapping[tuple[str, int], int]:
        """As `Publisher`."""
        return self._aside.places(partitions)

    def _is_done(self, work: Callable[[], None]) -> bool:
        """As `Transactions.is_done`, by whichever producer is the newest."""
        self._records.producer = self._transactions.producer
        return self._transactions.is_done(work)


def _aside(
    cluster: Cluster, message: Message, refusal: Refused, cipher: RefusedCipher
) -> tuple[str, Letter]:
    """The topic of dead letters of a record that is no event, and its letter."""
    name = (message.topic() or "").removeprefix(cluster.named("")) + DEAD_LETTERS
    return name, letter_of(name, message, headers_in(message), refusal, cipher)

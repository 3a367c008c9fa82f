"""Publishing answers and committing what is answered: one after the other, or as one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from crivo.adapters.kafka.aside import Aside, place_behind
from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    LOGGER,
    Cluster,
    answered,
    failure,
    patiently,
)
from crivo.adapters.kafka.dead_letters import marks_of
from crivo.adapters.kafka.records import answer_of
from crivo.adapters.kafka.topics import DEAD_LETTERS
from crivo.domain.errors import Misconfigured, Refused
from crivo.domain.streams import partition_of
from crivo.flows.answering import Answered
from crivo.flows.event_rows import EventRow, row_of

#: How long a transaction may stand open: after a kill, what it held back waits for no longer.
TRANSACTION_SECONDS_MAX: Final = 10.0

_WORDS: Final = logging.getLogger("crivo.worker")

_OPTIONS: Final = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": 2,
    "queue.buffering.max.messages": 200_000,
    # What is there needs no word: a call of Python a record would cost as much as sending it.
    "delivery.report.only.error": True,
}

#: Seals rows as the log's own writer does.
Seal = Callable[[list[EventRow]], list[EventRow]]


#: As who one is in a group, by the client's own type, which has no name.
Member = object


class Publisher(Protocol):
    """How answers get into the log."""

    def publish(
        self, answers: Sequence[Answered], offsets: Sequence[TopicPartition], member: Member
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
    """Sends the records of answers, and waits for all of them."""

    def __init__(self, cluster: Cluster, partitions: int, seal: Seal, producer: Producer) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._seal = seal
        self.producer = producer
        self._error: KafkaError | None = None

    def send(self, answers: Sequence[Answered]) -> None:
        """Hands the records to the client.

        Raises:
            KafkaException: the client takes none.
        """
        self._error = None
        rows, causes = self._rows(answers)
        for row, cause in zip(self._seal(rows), causes, strict=True):
            record = answer_of(row, cause=cause)
            self.produce(row[1], record.value, record.key, row[2], record.headers)

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
        options = {**_OPTIONS, "delivery.timeout.ms": int(cluster.outage_seconds * 1e3)}
        with answered(cluster, "open a producer"):
            self._producer = Producer({**cluster.options(), **options}, logger=LOGGER)
        self._aside = Aside(cluster)
        self._records = _Records(cluster, partitions, seal, self._producer)

    def publish(
        self, answers: Sequence[Answered], offsets: Sequence[TopicPartition], member: Member
    ) -> bool:
        """As `Publisher`."""
        with answered(self._cluster, "take answers"):
            self._records.send(answers)
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


class ExactPublisher:
    """Publishes and commits in one transaction: each answer is there once, or not yet.

    One that failed is never gone on with, since nobody knows how far it came: another producer of
    the same name has the brokers end it, in one way or the other, and the offsets of the group say
    which.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(self, cluster: Cluster, partitions: int, seal: Seal, *, name: str) -> None:
        self._cluster = cluster
        self._options = {
            **_OPTIONS,
            "transactional.id": cluster.named(name),
            "transaction.timeout.ms": int(TRANSACTION_SECONDS_MAX * 1e3),
            "delivery.timeout.ms": int(TRANSACTION_SECONDS_MAX * 1e3),
        }
        self._producer = self._open()
        self._aside = Aside(cluster)
        self._records = _Records(cluster, partitions, seal, self._producer)
        #: When the first of the transactions failed behind which none has been there yet.
        self._failing_since: float | None = None

    def publish(
        self, answers: Sequence[Answered], offsets: Sequence[TopicPartition], member: Member
    ) -> bool:
        """As `Publisher`: published and committed, or neither."""

        def work() -> None:
            self._records.send(answers)
            self._send_offsets(list(offsets), member)

        return self._is_done(work)

    def commit(self, offsets: Sequence[TopicPartition], group: Consumer) -> bool:
        """As `Publisher`: the transaction did."""
        return True

    def set_aside(self, message: Message, refusal: Refused) -> None:
        """As `Publisher`."""

        def work() -> None:
            _set_aside(self._cluster, self._records, message, refusal)
            member = self._aside.group.consumer_group_metadata()
            self._send_offsets([place_behind(message)], member)

        while not self._is_done(work):
            pass

    def aside(self, partitions: Collection[int]) -> Mapping[tuple[str, int], int]:
        """As `Publisher`."""
        return self._aside.places(partitions)

    def _is_done(self, work: Callable[[], None]) -> bool:
        """Whether a transaction of that is known to be there.

        Raises:
            Misconfigured, Unavailable: as `answered`, the second once none was there for as
                long as brokers may be away.
        """
        try:
            self._producer.begin_transaction()
            work()
            self._producer.commit_transaction(TRANSACTION_SECONDS_MAX)
        except KafkaException as raised:
            self._take_back(raised)
            return False
        self._failing_since = None
        return True

    def _send_offsets(self, offsets: list[TopicPartition], member: Member) -> None:
        """Makes offsets a part of the transaction.

        The client may wait for a coordinator that was away for good, whatever time it is given
        (librdkafka, issues 5456 and 5511): a thread that does is left behind with its producer.
        """
        producer, failed = self._producer, list[KafkaException]()

        def send() -> None:
            try:
                producer.send_offsets_to_transaction(offsets, member, TRANSACTION_SECONDS_MAX)
            except KafkaException as raised:
                failed.append(raised)

        thread = threading.Thread(target=send, name="crivo-offsets", daemon=True)
        thread.start()
        thread.join(2 * TRANSACTION_SECONDS_MAX)
        if thread.is_alive():
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        if failed:
            raise failed[0]

    def _take_back(self, raised: KafkaException) -> None:
        error, now = raised.args[0], time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        met = failure(self._cluster, "take answers", error)
        if (
            isinstance(met, Misconfigured)
            or now - self._failing_since > self._cluster.outage_seconds
        ):
            raise met from raised
        _WORDS.warning("worker.taken_back", extra={"facts": {"words": error.str()}})
        self._producer.purge()
        self._producer = self._records.producer = patiently(self._cluster, self._open)

    def _open(self) -> Producer:
        with answered(self._cluster, "open a producer of transactions"):
            producer = Producer({**self._cluster.options(), **self._options}, logger=LOGGER)
            producer.init_transactions(ANSWER_SECONDS_MAX)
        return producer


def _set_aside(cluster: Cluster, records: _Records, message: Message, refusal: Refused) -> None:
    """Sends a record that is no event, as it came, to the dead letters of its topic."""
    topic = (message.topic() or "").removeprefix(cluster.named(""))
    headers = message.headers() or []
    came = list(headers.items()) if isinstance(headers, dict) else list(headers)
    marks = marks_of(refusal, of=f"{message.partition()}/{message.offset()}")
    records.produce(topic + DEAD_LETTERS, message.value(), message.key(), 0, [*came, *marks])

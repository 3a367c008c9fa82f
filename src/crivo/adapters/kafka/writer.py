"""The thread that writes a log in Kafka: whatever has queued becomes one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from crivo.adapters.kafka.client import CLIENT_LOGGER, Cluster, answered, failure
from crivo.adapters.kafka.records import record_of
from crivo.adapters.kafka.topics import MANIFEST, NUMBER_KEY, WRITER_HEADER
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable
from crivo.flows.event_rows import EventRow
from crivo.flows.group_commit import (
    GROUP_EVENTS_MAX,
    Failed,
    GroupCommit,
    Notify,
    Submission,
)

#: How long one attempt of a transaction may take, in all.
COMMIT_SECONDS_MAX: Final = 30.0

#: Waits between attempts to write the same bytes again: doubled from the first to the last.
RETRY_SECONDS: Final = (0.05, 2.0)

#: The name that one writer of a log bears; who bears it last, writes.
WRITER: Final = "crivo-writer"

#: Another writer bears the name now.
FENCED: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - the client's own errors are named so
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)

_OPTIONS: Final = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": 2,
    "queue.buffering.max.messages": 2 * GROUP_EVENTS_MAX,
    "delivery.timeout.ms": int(COMMIT_SECONDS_MAX * 1e3),
    "transaction.timeout.ms": int(2 * COMMIT_SECONDS_MAX * 1e3),
}


@dataclass(slots=True)
class Sent(Submission):
    """A submission whose rows came to lie at `offsets`, once they are durable."""

    offsets: list[int] = field(default_factory=list)


class TransactionWriter(GroupCommit[Sent]):
    """A `GroupCommit` into Kafka, whose groups are transactions.

    Opening it ends what another writer of this log had begun, and that writer; `take_over` marks
    the log as its own from then on. After a failure it is opened anew, and `recount` says how many
    events the log holds then; not where `whose` says that another has marked it since, which goes
    on.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        settled: Callable[[list[Sent]], None],
        recount: Callable[[], int],
        whose: Callable[[], bytes | None],
        notify: Notify,
        seal: Callable[[list[EventRow]], list[EventRow]],
    ) -> None:
        super().__init__(
            "crivo-kafka-writer",
            settled=settled,
            notify=notify,
            seal=seal,
            retry_seconds=RETRY_SECONDS,
        )
        self._cluster = cluster
        self._recount = recount
        self._whose = whose
        self._mark = secrets.token_hex(8).encode()
        self._producer: Producer | None = None
        self._open()

    def _open(self) -> None:
        options = {**_OPTIONS, "transactional.id": self._cluster.named(WRITER)}
        try:
            with answered(self._cluster, "open a log's writer"):
                self._producer = Producer(
                    {**self._cluster.options(), **options}, logger=CLIENT_LOGGER
                )
                self._producer.init_transactions(COMMIT_SECONDS_MAX)
        except CrivoError:
            self._drop()
            raise

    def take_over(self, end: int) -> None:
        """Marks the log as this writer's: whoever wrote it before takes its name back no more.

        Raises:
            Misconfigured: as `answered`.
            Unavailable: as `answered`; LOG_LOCKED where another has taken over since.
        """
        assert self._producer is not None, "it was opened"
        try:
            self._producer.begin_transaction()
            self._send_number(end)
            self._producer.commit_transaction(COMMIT_SECONDS_MAX)
        except KafkaException as raised:
            error = raised.args[0]
            self._drop()
            if error.code() in FENCED:
                raise locked(self._cluster, error.str()) from raised
            raise failure(self._cluster, "mark the log as this writer's", error) from raised

    def _send_number(self, behind: int) -> None:
        """Records are let go of after a while; which number comes next, and whose, is not."""
        headers = [(WRITER_HEADER, self._mark)]
        self._send(MANIFEST, b"%d" % behind, NUMBER_KEY, 0, headers=headers)

    def _check_mark(self) -> None:
        if self._whose() != self._mark:
            raise locked(self._cluster, "it has marked the log as its own")

    def _drop(self) -> None:
        """Ends the producer: the next one ends what it had begun.

        Nothing else may hold it, least of all the frames of an error that is kept: it would go on
        asking for the writer's name, and so take it from the next one.
        """
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def _finish(self, *, is_sound: bool) -> None:
        self._drop()

    def _attempt(self, group: list[Sent]) -> Failed | None:
        try:
            self._commit(group)
        except KafkaException as raised:
            error = raised.args[0]
            self._drop()
            if error.code() in FENCED:
                return Failed(locked(self._cluster, error.str()), is_final=True)
            return Failed(_unwritten(self._cluster, error))
        except (Misconfigured, Unavailable) as error:
            self._drop()
            return Failed(error, is_final=error.code is Code.LOG_LOCKED)
        return None

    def _commit(self, group: list[Sent]) -> None:
        """One attempt of a transaction: all of the group is there, or nothing of it.

        Raises:
            KafkaException, CrivoError: nothing of it is there.
        """
        for submission in group:
            submission.offsets = [-1] * len(self._stored(submission))
        if self._producer is None:
            # Before it takes the name, which another may have; and once nobody else can take it.
            self._check_mark()
            self._open()
            self._check_mark()
            end = self._recount()
            if not group[0].rows[0][0] <= end <= group[-1].rows[-1][0] + 1:
                raise locked(self._cluster, f"it holds {end} events")
            # Of what failed, a transaction whose commit was only not heard of is there.
            group = [each for each in group if each.rows[0][0] >= end]
        assert self._producer is not None, "it was opened"
        self._producer.begin_transaction()
        for submission in group:
            self._produce(submission)
        if group:
            self._send_number(group[-1].rows[-1][0] + 1)
        self._producer.commit_transaction(COMMIT_SECONDS_MAX)

    def _produce(self, submission: Sent) -> None:
        assert self._producer is not None, "it was opened"
        for at, row in enumerate(self._stored(submission)):
            record = record_of(row)
            self._send(
                row[1],
                record.value,
                record.key,
                row[2],
                on_delivery=partial(_note_offset, submission.offsets, at),
                headers=record.headers,
            )
            self._producer.poll(0)

    def _send(self, name: str, value: bytes, key: bytes, partition: int, **more: Any) -> None:
        """Queues a record of the topic of that name, once there is room for it."""
        assert self._producer is not None, "it was opened"
        while True:
            try:
                self._producer.produce(self._cluster.named(name), value, key, partition, **more)
                return
            except BufferError:
                # As many wait as may: answers to them make room.
                self._producer.poll(0.1)


def _note_offset(offsets: list[int], at: int, error: KafkaError | None, message: Message) -> None:
    offset = message.offset()
    if error is None and offset is not None:
        offsets[at] = offset


def _unwritten(cluster: Cluster, error: KafkaError) -> Unavailable:
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the log in Kafka at {cluster.brokers} does not write: {error.str()}",
        hint="It retries by itself; send the same again, and look at the brokers if this lasts.",
    )


def locked(cluster: Cluster, words: str) -> Unavailable:
    """The error of a writer whose name another one bears now."""
    return Unavailable(
        Code.LOG_LOCKED,
        f"another writer has taken over the log in Kafka at {cluster.brokers}: {words}",
        hint="A log has one writer. Stop the other, then open this one again.",
    )

"""The thread that writes a log in Kafka: whatever has queued becomes one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from crivo.adapters.kafka.client import LOGGER, Cluster, answered
from crivo.adapters.kafka.manifest import NUMBER_KEY
from crivo.adapters.kafka.records import record_of
from crivo.adapters.kafka.topics import MANIFEST
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

    Opening it ends what another writer of this log had begun, and that writer. After a failure it
    is opened anew, and `recount` says how many events the log holds then.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        settled: Callable[[list[Sent]], None],
        recount: Callable[[], int],
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
        self._producer: Producer | None = None
        self._open()

    def _open(self) -> None:
        options = {**_OPTIONS, "transactional.id": self._cluster.named(WRITER)}
        try:
            with answered(self._cluster, "open a log's writer"):
                self._producer = Producer({**self._cluster.options(), **options}, logger=LOGGER)
                self._producer.init_transactions(COMMIT_SECONDS_MAX)
        except CrivoError:
            self._drop()
            raise

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
            self._open()
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
            # Records are let go of after a while; which number comes next is not.
            behind = b"%d" % (group[-1].rows[-1][0] + 1)
            self._producer.produce(self._cluster.named(MANIFEST), behind, NUMBER_KEY, 0)
        self._producer.commit_transaction(COMMIT_SECONDS_MAX)

    def _produce(self, submission: Sent) -> None:
        assert self._producer is not None, "it was opened"
        for at, row in enumerate(self._stored(submission)):
            record = record_of(row)
            told = partial(_note_offset, submission.offsets, at)
            while True:
                try:
                    self._producer.produce(
                        self._cluster.named(row[1]),
                        record.value,
                        record.key,
                        row[2],
                        told,
                        headers=record.headers,
                    )
                    break
                except BufferError:
                    # As many wait as may: answers to them make room.
                    self._producer.poll(0.1)
            self._producer.poll(0)


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

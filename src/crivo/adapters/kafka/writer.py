"""The thread that writes a log in Kafka: whatever has queued becomes one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from crivo.adapters.kafka.client import LOGGER, Cluster, answered
from crivo.adapters.kafka.records import record_of
from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable
from crivo.flows.event_rows import EventRow
from crivo.flows.ports import Done

#: Events of one transaction; what queued beyond it waits for the next one.
GROUP_EVENTS_MAX: Final = 50_000

#: How long one attempt of a transaction may take, in all.
COMMIT_SECONDS_MAX: Final = 30.0

#: Waits between attempts to write the same bytes again: doubled from the first to the last.
RETRY_FIRST_SECONDS: Final = 0.05
RETRY_LAST_SECONDS: Final = 2.0

#: The name that one writer of a log bears; who bears it last, writes.
WRITER: Final = "crivo-writer"

#: Runs what it is given, wherever the owner wants callbacks to run.
Notify = Callable[[list[Callable[[], None]]], None]

#: Another writer bears the name now.
_FENCED: Final = frozenset(
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


def call_directly(callbacks: list[Callable[[], None]]) -> None:
    """Runs the callbacks on the writer's thread."""
    for callback in callbacks:
        callback()


@dataclass(slots=True)
class Submission:
    """Numbered rows that are not durable yet, and whom to tell (None once told of a failure).

    `stored` are the rows as they are sent: the same bytes at each attempt. `offsets` are where they
    came to lie, once they are durable.
    """

    rows: list[EventRow]
    done: Done | None
    stored: list[EventRow] | None = None
    offsets: list[int] = field(default_factory=list)


class TransactionWriter:
    """Commits submissions in the order of `put`, each group as one transaction, until it is there.

    Opening it ends what another writer of this log had begun, and that writer. After a failure it
    is opened anew, and `recount` says how many events the log holds then.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        settled: Callable[[list[Submission]], None],
        recount: Callable[[], int],
        notify: Notify,
        seal: Callable[[list[EventRow]], list[EventRow]],
    ) -> None:
        self._cluster = cluster
        self._settled = settled
        self._notify = notify
        self._seal = seal
        self._recount = recount
        self._producer: Producer | None = self._open()
        self._queue: list[Submission] = []
        self._changed = threading.Condition()
        self._failure: CrivoError | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="crivo-kafka-writer", daemon=True)

    def start(self) -> None:
        """Begins to write what is put."""
        self._thread.start()

    def check(self) -> None:
        """Nothing, if submissions are accepted.

        Raises:
            Unavailable: LOG_UNAVAILABLE, LOG_LOCKED.
        """
        if self._failure is not None:
            raise self._failure
        if self._closing:
            raise _closed()

    @property
    def alive(self) -> bool:
        """Whether the thread still writes."""
        return self._thread.is_alive()

    def put(self, submission: Submission, *, is_promised: bool = False) -> None:
        """Queues a submission; the caller sees to it that calls come in the order of `seq`.

        One that was promised is queued although a commit has failed since, and is told so.

        Raises:
            Unavailable: LOG_UNAVAILABLE after a failed commit, or once it is closed or has ended.
        """
        done = submission.done
        with self._changed:
            if not is_promised or self._closing or not self.alive:
                self.check()
            failure = self._failure
            if failure is not None:
                submission.done = None
            self._queue.append(submission)
            self._changed.notify()
        if failure is not None and done is not None:
            self._notify([partial(done, failure)])

    def close(self) -> None:
        """Commits what is queued, if the cluster lets it, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _open(self) -> Producer:
        options = {**_OPTIONS, "transactional.id": self._cluster.named(WRITER)}
        with answered(self._cluster, "open a log's writer"):
            producer = Producer({**self._cluster.options(), **options}, logger=LOGGER)
            producer.init_transactions(COMMIT_SECONDS_MAX)
        return producer

    def _drop(self) -> None:
        """Ends a producer that failed: the next one ends what it had begun."""
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def _run(self) -> None:
        try:
            while (group := self._next_group()) and self._commit_until_durable(group):
                pass
        finally:
            with self._changed:
                self._failure = self._failure or _closed()

    def _next_group(self) -> list[Submission]:
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            group: list[Submission] = []
            events = 0
            for submission in self._queue:
                if group and events + len(submission.rows) > GROUP_EVENTS_MAX:
                    break
                group.append(submission)
                events += len(submission.rows)
            del self._queue[: len(group)]
            return group

    def _commit_until_durable(self, group: list[Submission]) -> bool:
        """Whether it became durable; where not, nothing can be written any more."""
        wait = RETRY_FIRST_SECONDS
        while True:
            try:
                self._commit(group)
                break
            except KafkaException as raised:
                error = raised.args[0]
                self._drop()
                if error.code() in _FENCED:
                    self._tell_of_failure(group, _locked(self._cluster, error.str()))
                    return False
                self._tell_of_failure(group, _unwritten(self._cluster, error))
            except (Misconfigured, Unavailable) as error:
                self._drop()
                self._tell_of_failure(group, error)
                if error.code is Code.LOG_LOCKED:
                    return False
            with self._changed:
                if self._closing or self._changed.wait_for(lambda: self._closing, wait):
                    return False
            wait = min(2 * wait, RETRY_LAST_SECONDS)
        self._settled(group)
        with self._changed:
            self._failure = None
        callbacks = [partial(each.done, None) for each in group if each.done is not None]
        if callbacks:
            self._notify(list(callbacks))
        return True

    def _commit(self, group: list[Submission]) -> None:
        """One attempt of a transaction: all of the group is there, or nothing of it.

        Raises:
            KafkaException, CrivoError: nothing of it is there.
        """
        for submission in group:
            if submission.stored is None:
                submission.stored = self._seal(submission.rows)
            submission.offsets = [-1] * len(submission.rows)
        if self._producer is None:
            self._producer, end = self._open(), self._recount()
            if not group[0].rows[0][0] <= end <= group[-1].rows[-1][0] + 1:
                raise _locked(self._cluster, f"it holds {end} events")
            # Of what failed, a transaction whose commit was only not heard of is there.
            group = [each for each in group if each.rows[0][0] >= end]
        producer = self._producer
        producer.begin_transaction()
        for submission in group:
            self._produce(producer, submission)
        producer.commit_transaction(COMMIT_SECONDS_MAX)

    def _produce(self, producer: Producer, submission: Submission) -> None:
        assert submission.stored is not None, "it was sealed"
        for at, row in enumerate(submission.stored):
            record = record_of(row)
            told = partial(_note_offset, submission.offsets, at)
            while True:
                try:
                    producer.produce(
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
                    producer.poll(0.1)
            producer.poll(0)

    def _tell_of_failure(self, group: list[Submission], failure: CrivoError) -> None:
        """Refuses new submissions, and takes those that queued meanwhile into the group."""
        with self._changed:
            self._failure = failure
            group += self._queue
            self._queue.clear()
        callbacks = [partial(each.done, failure) for each in group if each.done is not None]
        for submission in group:
            submission.done = None
        if callbacks:
            self._notify(list(callbacks))


def _note_offset(offsets: list[int], at: int, error: KafkaError | None, message: Message) -> None:
    offset = message.offset()
    if error is None and offset is not None:
        offsets[at] = offset


def _closed() -> Unavailable:
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        "the log does not write: it is closed",
        hint="Open it again.",
    )


def _unwritten(cluster: Cluster, error: KafkaError) -> Unavailable:
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the log in Kafka at {cluster.brokers} does not write: {error.str()}",
        hint="It retries by itself; send the same again, and look at the brokers if this lasts.",
    )


def _locked(cluster: Cluster, words: str) -> Unavailable:
    return Unavailable(
        Code.LOG_LOCKED,
        f"another writer has taken over the log in Kafka at {cluster.brokers}: {words}",
        hint="A log has one writer. Stop the other, then open this one again.",
    )

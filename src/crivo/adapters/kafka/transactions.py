"""Transactions of one producer: what is sent and which offsets move is there together, or not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    CLIENT_LOGGER,
    Cluster,
    answered,
    failure,
    patiently,
)
from crivo.domain.errors import Misconfigured

#: Options of a producer whose records must be there, in their order and once.
PRODUCER: Final = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": 2,
    "queue.buffering.max.messages": 200_000,
    # What is there needs no word: a call of Python a record would cost as much as sending it.
    "delivery.report.only.error": True,
}

#: How long a transaction may stand open: after a kill, what it held back waits for no longer.
SECONDS_MAX: Final = 10.0

#: As who one is in a group, by the client's own type, which has no name.
Member = object


class Transactions:
    """One that failed is never gone on with, since nobody knows how far it came: another producer
    of the same name has the brokers end it, in one way or the other, and the offsets say which.

    Args:
        cluster: Where the topics are.
        name: The producer's; opening it ends what another of that name had begun.
        who: Who says in the log that one failed.
        check: Called with what one failed of, before the name is taken again; it raises where
            another process bears it by now, which is the one that goes on then. A name that is one
            process's alone needs none.

    One that takes longer than `SECONDS_MAX` brokers end, and refuse its producer as they refuse one
    whose name another has taken: no error, and no time that passed, tells the two apart.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        name: str,
        who: str,
        check: Callable[[KafkaError], None] | None = None,
    ) -> None:
        self._cluster = cluster
        self._who = who
        self._words = logging.getLogger(f"crivo.{who}")
        self._check = check
        self._options = {
            **cluster.options(),
            **PRODUCER,
            "transactional.id": cluster.named(name),
            "transaction.timeout.ms": int(SECONDS_MAX * 1e3),
            "delivery.timeout.ms": int(SECONDS_MAX * 1e3),
        }
        # Brokers that are asked for a transaction for the first time make a topic of their own.
        self.producer = patiently(cluster, self._open)
        #: When the first of the transactions failed behind which none has been there yet.
        self._failing_since: float | None = None

    def is_done(self, work: Callable[[], None]) -> bool:
        """Whether a transaction of that is known to be there.

        Raises:
            Misconfigured, Unavailable: as `answered`, LOG_UNAVAILABLE once none was there for as
                long as brokers may be away; as `check`.
        """
        try:
            self.producer.begin_transaction()
            work()
            self.producer.commit_transaction(SECONDS_MAX)
        except KafkaException as raised:
            self._take_back(raised)
            return False
        self._failing_since = None
        return True

    def send_offsets(self, offsets: Sequence[TopicPartition], member: Member) -> None:
        """Makes offsets a part of the transaction.

        The client may wait for a coordinator that was away for good, whatever time it is given
        (librdkafka, issues 5456 and 5511): a thread that does is left behind with its producer.

        Raises:
            KafkaException: they are none.
        """
        producer, failed = self.producer, list[KafkaException]()

        def send() -> None:
            try:
                producer.send_offsets_to_transaction(list(offsets), member, SECONDS_MAX)
            except KafkaException as raised:
                failed.append(raised)

        thread = threading.Thread(target=send, name="crivo-offsets", daemon=True)
        thread.start()
        thread.join(2 * SECONDS_MAX)
        if thread.is_alive():
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        if failed:
            raise failed[0]

    def _take_back(self, raised: KafkaException) -> None:
        error, now = raised.args[0], time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        met = failure(self._cluster, "take a transaction", error)
        if (
            isinstance(met, Misconfigured)
            or now - self._failing_since > self._cluster.outage_seconds
        ):
            raise met from raised
        facts = {"words": error.str()}
        self._words.warning("%s.taken_back", self._who, extra={"facts": facts})
        self.producer.purge()
        self.producer = patiently(self._cluster, partial(self._reopen, error))

    def _reopen(self, error: KafkaError) -> Producer:
        if self._check is not None:
            self._check(error)
        return self._open()

    def _open(self) -> Producer:
        with answered(self._cluster, "open a producer of transactions"):
            producer = Producer(self._options, logger=CLIENT_LOGGER)
            producer.init_transactions(ANSWER_SECONDS_MAX)
        return producer

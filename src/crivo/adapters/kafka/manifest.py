"""What brokers never forget of a log in Kafka: what is fixed of it, and its newest number."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from crivo.adapters.kafka.client import Cluster, ask, is_passing, watermarks
from crivo.adapters.kafka.intake import open_consumer
from crivo.adapters.kafka.records import headers_of
from crivo.adapters.kafka.topics import (
    MANIFEST,
    MANIFEST_KEY,
    NUMBER_KEY,
    WRITER_HEADER,
    find_topic,
)
from crivo.adapters.kafka.transactions import Transactions
from crivo.adapters.kafka.writer import FENCED, WRITER, locked
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.ports import Manifest

#: Records at the end that are looked through for it; more where they hold none.
_LAST: Final = 16


class _Facts(msgspec.Struct):
    log_id: str
    clock: ClockKind
    partitions: int


def find_manifest(cluster: Cluster) -> Manifest | None:
    """What is fixed of the cluster's log; None where none was made yet.

    Raises:
        Misconfigured: LOG_MISMATCH where its topics are not there, or their manifest is none.
        Unavailable: LOG_UNAVAILABLE, also where nothing is said of the topic in time: silence is no
            empty topic, of which a second log would be made.
    """
    topic = cluster.named(MANIFEST)
    consumer = open_consumer(cluster)
    try:

        def told(seconds: float) -> Message | None:
            find_topic(cluster, consumer, topic, seconds)
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            return _next_of(consumer, seconds)

        record = ask(cluster, "tell which log it holds", consumer, told)
    finally:
        consumer.close()
    if record is None:
        return None
    try:
        facts = msgspec.json.decode(record.value() or b"", type=_Facts)
    except msgspec.DecodeError as error:
        raise Misconfigured(
            Code.LOG_MISMATCH,
            f"the first record of {topic} is no manifest: {error}",
            hint="Something else writes this topic: give the log another space.",
        ) from error
    return Manifest(facts.log_id, facts.clock, facts.partitions)


def _next_of(consumer: Consumer, seconds: float) -> Message | None:
    """The next record of what it is assigned; None where the broker says that there is none.

    Raises:
        KafkaException: it says neither in time.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        found = consumer.poll(left)
        if found is None:
            continue
        if (error := found.error()) is None:
            return found
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            return None
        if not is_passing(error):
            raise KafkaException(error)
    raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))


def number_kept(cluster: Cluster, *, is_settled: bool = True) -> int:
    """The number behind the greatest that a writer gave, however long ago; 0 where none is kept.

    It is sent before its transaction ends. So without `is_settled`, which counts also what stands
    open or was taken back, it lies behind all that anybody has been shown.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    topic = cluster.named(MANIFEST)
    consumer = open_consumer(cluster, is_settled=is_settled)
    try:
        told = partial(_greatest, consumer, topic)
        return ask(cluster, "tell which number comes next", consumer, told)
    finally:
        consumer.close()


def writer_kept(cluster: Cluster) -> bytes | None:
    """Whose the newest number is, though its transaction stand open or have failed: what is
    committed shows only once its marks are written. None where nobody said whose.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    topic = cluster.named(MANIFEST)
    consumer = open_consumer(cluster, is_settled=False)
    try:
        told = partial(_newest, consumer, topic)
        found = ask(cluster, "tell who writes the log", consumer, told)
    finally:
        consumer.close()
    whose = headers_of(found[-1]).get(WRITER_HEADER) if found else None
    return whose.encode() if isinstance(whose, str) else whose


def _greatest(consumer: Consumer, topic: str, seconds: float) -> int:
    found = _newest(consumer, topic, seconds)
    return max((int(record.value() or b"0") for record in found), default=0)


def _newest(consumer: Consumer, topic: str, seconds: float) -> list[Message]:
    """The newest numbers in the topic, and none where there is none; each may take as long.

    Raises:
        KafkaException: the broker does not give it.
    """
    low, high = watermarks(consumer, TopicPartition(topic, 0), seconds)
    count = _LAST
    while True:
        start = max(low, high - count)
        consumer.assign([TopicPartition(topic, 0, start)])
        found = []
        while (record := _next_of(consumer, seconds)) is not None:
            if record.key() == NUMBER_KEY:
                found.append(record)
        if found or start == low:
            return found
        count *= _LAST


def require_manifest(cluster: Cluster) -> Manifest:
    """What is fixed of the cluster's log.

    Raises:
        Misconfigured: as `find_manifest`. Unavailable: NOT_FOUND where there is no log yet.
    """
    manifest = find_manifest(cluster)
    if manifest is None:
        raise Unavailable(
            Code.NOT_FOUND,
            f"Kafka at {cluster.brokers} holds no log yet",
            hint="`crivo log make --log kafka://…` makes one, as an import or a copy does.",
        )
    return manifest


def make_manifest(cluster: Cluster, manifest: Manifest) -> Manifest:
    """What is fixed of the cluster's log: this, or what another has written before.

    It is written under the name of the log's writer: who takes that name last ends what others had
    begun, and only then sees whether there is one, so that never are there two. One whose name
    brokers say is another's does not take it again, though it may only have been slow: it can be
    made once more, and whoever writes the log by now goes on.

    Raises:
        Misconfigured, Unavailable: as `find_manifest`, and LOG_LOCKED where another takes the name.
    """

    def check(error: KafkaError) -> None:
        if error.code() in FENCED or find_manifest(cluster) not in (None, manifest):
            raise locked(cluster, error.str())

    facts = _Facts(manifest.log_id, manifest.clock, manifest.partitions)
    transactions = Transactions(cluster, name=WRITER, who="manifest", check=check)
    # It is sent as one record; a transaction of one that was only not heard of is there.
    while (there := find_manifest(cluster)) is None:
        if transactions.is_done(partial(_send, transactions, cluster, msgspec.json.encode(facts))):
            return manifest
    return there


def _send(transactions: Transactions, cluster: Cluster, value: bytes) -> None:
    transactions.producer.produce(cluster.named(MANIFEST), value, MANIFEST_KEY, 0)

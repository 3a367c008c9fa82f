"""What brokers never forget of a log in Kafka: what is fixed of it, and its newest number."""

from __future__ import annotations

import time
from typing import Final

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from crivo.adapters.kafka.client import ANSWER_SECONDS_MAX, LOGGER, Cluster, answered
from crivo.adapters.kafka.intake import open_consumer
from crivo.adapters.kafka.topics import MANIFEST
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.ports import Manifest

KEY: Final = b"manifest"
#: The key of the number behind the newest: written in the transaction that made it so.
NUMBER_KEY: Final = b"number"
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
        with answered(cluster, "tell which log it holds"):
            if topic not in consumer.list_topics(timeout=ANSWER_SECONDS_MAX).topics:
                raise Misconfigured(
                    Code.LOG_MISMATCH,
                    f"Kafka at {cluster.brokers} has no topic {topic}",
                    hint="`crivo topics apply` makes the topics that a log needs.",
                    field="topic",
                    expected=topic,
                    found="nothing",
                )
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            record = _next_of(consumer)
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


def _next_of(consumer: Consumer) -> Message | None:
    """The next record of what it is assigned; None where the broker says that there is none.

    Raises:
        KafkaException: it says neither.
    """
    until = time.monotonic() + ANSWER_SECONDS_MAX
    while (left := until - time.monotonic()) > 0:
        found = consumer.poll(left)
        if found is None:
            continue
        if (error := found.error()) is None:
            return found
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            return None
        if not error.retriable():
            raise KafkaException(error)
    raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))


def number_kept(cluster: Cluster) -> int:
    """The number behind the greatest that a writer gave, however long ago; 0 where none is kept.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    topic = cluster.named(MANIFEST)
    consumer = open_consumer(cluster)
    try:
        with answered(cluster, "tell which number comes next"):
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, 0), timeout=ANSWER_SECONDS_MAX
            )
            count = _LAST
            while True:
                start = max(low, high - count)
                consumer.assign([TopicPartition(topic, 0, start)])
                numbers = []
                while (record := _next_of(consumer)) is not None:
                    if record.key() == NUMBER_KEY:
                        numbers.append(int(record.value() or b"0"))
                if numbers or start == low:
                    return max(numbers, default=0)
                count *= _LAST
    finally:
        consumer.close()


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


def keep_manifest(cluster: Cluster, manifest: Manifest) -> None:
    """Writes what is fixed of a log; once, when it is made.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """
    facts = _Facts(manifest.log_id, manifest.clock, manifest.partitions)
    options = {"acks": "all", "enable.idempotence": True}
    with answered(cluster, "keep a manifest"):
        producer = Producer({**cluster.options(), **options}, logger=LOGGER)
        producer.produce(cluster.named(MANIFEST), msgspec.json.encode(facts), KEY, 0)
        left = producer.flush(ANSWER_SECONDS_MAX)
    if left:
        raise Unavailable(
            Code.LOG_UNAVAILABLE,
            f"Kafka at {cluster.brokers} did not take the manifest in {ANSWER_SECONDS_MAX:g} s",
            hint="See that its brokers run and can be reached; then do it again.",
        )

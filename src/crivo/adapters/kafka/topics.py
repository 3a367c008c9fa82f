"""Topics as code: what the cluster should have, how it differs, and how it is brought there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from crivo.adapters.kafka.client import (
    ANSWER_SECONDS_MAX,
    Client,
    Cluster,
    answered,
    ask,
    open_admin,
    result_of,
)
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.domain.streams import Stream

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

#: What outsiders produce, keyed by the payer's Pix key: kept no longer than it takes to read it.
INBOX: Final = "pix.inbox.v1"
#: What is fixed of a log, and its newest number: never forgotten.
MANIFEST: Final = "pix.manifest.v1"
#: Its key for what is fixed.
MANIFEST_KEY: Final = b"manifest"
#: Its key for the number behind the newest: written in the transaction that made it so.
NUMBER_KEY: Final = b"number"
#: The header of that record with whose number it is: each opening of the log's writer has its own.
WRITER_HEADER: Final = "writer"
#: Behind a topic's name: records of it that were refused.
DEAD_LETTERS: Final = ".dlq"

#: How long brokers keep records. The archive keeps what must be kept longer.
RETENTION_MS: Final = 7 * DAY_MS
INBOX_RETENTION_MS: Final = DAY_MS
DEAD_LETTER_RETENTION_MS: Final = 30 * DAY_MS
FOREVER: Final = -1

#: A file of what is never forgotten: beyond it what was said again is compacted away.
COMPACTED_BYTES: Final = 1 << 24

#: How often brokers are asked whether they have heard.
_LOOK_SECONDS: Final = 0.1

#: How long a broker may take to hear of a topic that another one has told of.
_HEARD_SECONDS_MAX: Final = 2.0

#: The most of one record: a transfer with every field takes a hundredth of it.
RECORD_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be; `settings` by Kafka's names, all that are not its defaults."""

    name: str
    partitions: int
    replicas: int
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as declared. What `is_final` nobody changes: records would move."""

    topic: str
    what: str
    expected: str
    found: str
    is_final: bool = False


def declared_topics(
    *, partitions: int, replicas: int, in_sync_min: int, space: str = ""
) -> tuple[Topic, ...]:
    """Every topic of a log: manifest, inbox, each stream, cuts, and dead letters of each.

    Args:
        partitions: Of every topic but the manifest's and those of dead letters, which have one.
        replicas: How many brokers hold each record.
        in_sync_min: How many of them must have it before it counts as written.
        space: What stands before each name, with a dot, where several logs share a cluster.

    Raises:
        Misconfigured: SETTING_INVALID where fewer brokers hold a record than must have it.
    """
    if in_sync_min > replicas:
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"{in_sync_min} brokers must have a record, and {replicas} hold it",
            hint="Raise CRIVO_KAFKA__REPLICAS, or lower CRIVO_KAFKA__IN_SYNC_MIN.",
            field="CRIVO_KAFKA__IN_SYNC_MIN",
            expected=f"at most {replicas}",
            found=in_sync_min,
        )
    kept = {INBOX: INBOX_RETENTION_MS} | {stream.value: RETENTION_MS for stream in Stream}
    dead = {name + DEAD_LETTERS: DEAD_LETTER_RETENTION_MS for name in kept}
    before = f"{space}." if space else ""
    all_kept = {**kept, **dead, MANIFEST: FOREVER}
    return tuple(
        Topic(
            before + name,
            1 if name in dead or name == MANIFEST else partitions,
            replicas,
            _settings(kept_ms, in_sync_min),
        )
        for name, kept_ms in sorted(all_kept.items())
    )


def _settings(kept_ms: int, in_sync_min: int) -> tuple[tuple[str, str], ...]:
    return (
        ("cleanup.policy", "compact" if kept_ms == FOREVER else "delete"),
        ("compression.type", "producer"),
        ("max.message.bytes", str(RECORD_BYTES_MAX)),
        # Retention counts from here on: by the events' own instants, which lie inside a record, a
        # copy of an old log or a replayed year would be deleted as soon as it is written.
        ("message.timestamp.type", "LogAppendTime"),
        ("min.insync.replicas", str(in_sync_min)),
        ("retention.bytes", "-1"),
        ("retention.ms", str(kept_ms)),
        *((("segment.bytes", str(COMPACTED_BYTES)),) if kept_ms == FOREVER else ()),
        # A broker that missed records never becomes the one that knows them all.
        ("unclean.leader.election.enable", "false"),
    )


def find_topic(cluster: Cluster, client: Client, name: str, seconds: float) -> TopicMetadata:
    """What brokers tell of a topic, as `ask` puts the question.

    Raises:
        Misconfigured: LOG_MISMATCH where it is not there.
        KafkaException: they do not answer.
    """
    until = time.monotonic() + _HEARD_SECONDS_MAX
    while (found := client.list_topics(timeout=seconds).topics.get(name)) is None:
        if time.monotonic() > until:
            raise Misconfigured(
                Code.LOG_MISMATCH,
                f"Kafka at {cluster.brokers} has no topic {name}",
                hint="`crivo topics apply` makes the topics that a log needs.",
                field="topic",
                expected=name,
                found="nothing",
            )
        time.sleep(_LOOK_SECONDS)
    return found


class Topics:
    """The topics of a cluster, beside those that are declared.

    Raises:
        Misconfigured: SETTING_INVALID for options that are none.
    """

    def __init__(self, cluster: Cluster, declared: Sequence[Topic]) -> None:
        self._cluster = cluster
        self._declared = {topic.name: topic for topic in declared}
        self._admin = open_admin(cluster)

    def differences(self) -> list[Difference]:
        """How the cluster differs, by topic: missing topics, counts, settings.

        Raises:
            Misconfigured, Unavailable: as `answered`.
        """
        with answered(self._cluster, "list its topics"):
            there = self._admin.list_topics(timeout=ANSWER_SECONDS_MAX).topics
        found: list[Difference] = []
        for topic in self._declared.values():
            if topic.name not in there:
                found.append(Difference(topic.name, "topic", _said(topic), "missing"))
                continue
            partitions = there[topic.name].partitions
            replicas = {len(each.replicas) for each in partitions.values()}
            found += _counted(topic, "partitions", topic.partitions, {len(partitions)})
            found += _counted(topic, "replicas", topic.replicas, replicas)
        present = [topic for topic in self._declared.values() if topic.name in there]
        return sorted(found + self._unlike(present), key=lambda each: (each.topic, each.what))

    def apply(self) -> list[Difference]:
        """Makes what is missing and sets what is set otherwise; answers with what that was.

        Raises:
            Misconfigured: LOG_MISMATCH where a topic has other partitions or replicas: nothing is
                changed then, of any topic.
            Misconfigured, Unavailable: as `answered`; what was made stays, and may be made again.
        """
        found = self.differences()
        for each in found:
            if each.is_final:
                raise Misconfigured(
                    Code.LOG_MISMATCH,
                    f"the topic {each.topic} has {each.found} {each.what}, not {each.expected}",
                    hint="They never change: state the number that is there, or take new topics.",
                    field=each.what,
                    expected=each.expected,
                    found=each.found,
                )
        missing = [self._declared[each.topic] for each in found if each.what == "topic"]
        other = [each for each in found if each.what != "topic"]
        if missing:
            made = [
                NewTopic(topic.name, topic.partitions, topic.replicas, config=dict(topic.settings))
                for topic in missing
            ]
            self._do("make topics", partial(self._admin.create_topics, made))
        if other:
            changed = [_resource(name, other) for name in sorted({each.topic for each in other})]
            self._do("set its topics", partial(self._admin.incremental_alter_configs, changed))
        if found:
            self._settle()
        return found

    def _settle(self) -> None:
        """Waits until every broker knows: one may have heard of a new topic before another."""
        until = time.monotonic() + ANSWER_SECONDS_MAX
        while True:
            try:
                left = self.differences()
                if not left or time.monotonic() > until:
                    return
            except Unavailable:
                if time.monotonic() > until:
                    raise
            time.sleep(_LOOK_SECONDS)

    def _unlike(self, topics: Sequence[Topic]) -> list[Difference]:
        if not topics:
            return []
        asked = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics]

        def told(seconds: float) -> dict[str, dict[str, ConfigEntry]]:
            answers = self._admin.describe_configs(asked, request_timeout=seconds)
            return {each.name: result_of(answer, seconds) for each, answer in answers.items()}

        read = ask(self._cluster, "tell the settings of its topics", self._admin, told)
        return [
            Difference(topic.name, name, expected, str(value))
            for topic in topics
            for name, expected in topic.settings
            if (value := read[topic.name][name].value) != expected
        ]

    def _do(self, what: str, work: Callable[..., dict[Any, Future[None]]]) -> None:
        def done(seconds: float) -> None:
            for answer in work(request_timeout=seconds).values():
                try:
                    result_of(answer, seconds)
                except KafkaException as raised:
                    # Who makes them at the same time makes the same: what differs is seen then.
                    if raised.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise

        ask(self._cluster, what, self._admin, done)


def _said(topic: Topic) -> str:
    return f"{topic.partitions} partitions, {topic.replicas} replicas"


def _counted(topic: Topic, what: str, expected: int, found: set[int]) -> list[Difference]:
    if found == {expected}:
        return []
    said = ", ".join(str(count) for count in sorted(found))
    return [Difference(topic.name, what, str(expected), said, is_final=True)]


def _resource(name: str, differences: Sequence[Difference]) -> ConfigResource:
    entries = [
        ConfigEntry(each.what, each.expected, incremental_operation=AlterConfigOpType.SET)
        for each in differences
        if each.topic == name
    ]
    return ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)

"""Reaching a Kafka cluster: its address, what it asks of a client, and what its failures mean."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata

from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable

#: How long a question to the cluster waits for its answer.
ANSWER_SECONDS_MAX: Final = 15.0

#: How long it waits for a broker that is silent before it asks who leads by now: one that is killed
#: is led by another within some nine seconds, of which who waits for the first hears nothing.
_TURN_SECONDS_MAX: Final = 3.0

#: How soon a cluster that did not answer is asked again.
_AGAIN_SECONDS: Final = 0.5

#: How soon a broker that cannot answer yet is asked again: as Kafka's own clients do by themselves.
_BACKOFF_SECONDS: Final = 0.1

#: What we say of a cluster.
LOGGER: Final = logging.getLogger("crivo.kafka")

#: Where the library says what it meets, such as each try to connect that fails. Whoever configures
#: no logging sees nothing of it.
CLIENT_LOGGER: Final = logging.getLogger("crivo.kafka.client")
CLIENT_LOGGER.addHandler(logging.NullHandler())

#: The client's own words for a cluster that lets nobody in, and for topics that one may not touch.
_REFUSALS: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - the client's own errors are named so
        KafkaError._SSL,  # noqa: SLF001
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)

#: What a client says of a cluster that it does not get through to, whatever the cause.
_SILENCES: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError.REQUEST_TIMED_OUT,
    }
)

#: What an election leaves behind for a moment: a partition or a group has moved, and whoever is
#: asked is not who answers any more, or not yet. Kafka calls these retriable
#: (https://kafka.apache.org/protocol#protocol_error_codes). `KafkaError.retriable()` does not tell:
#: the client sets it on errors of transactions alone.
_PASSING: Final = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_CONTROLLER,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LISTENER_NOT_FOUND,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError._WAIT_COORD,  # noqa: SLF001
    }
)

#: What is said of a topic that is not there, of one that was made a moment ago, and of a partition
#: that is without a leader: time alone tells which.
_UNHEARD: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._NOENT,  # noqa: SLF001 - "no leaders found"
    }
)

#: Stands in what TLS itself says; the client reports some of it as a broker that is silent.
_TLS_WORDS: Final = "SSL routines"

#: How long a new client is listened to, to learn the cause.
_CAUSE_SECONDS_MAX: Final = 3.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster is and how one gets in. The password is kept out of its text.

    `brokers` are `host:port`, several with commas. `protocol` is PLAINTEXT, SSL, SASL_PLAINTEXT or
    SASL_SSL; `authority`, `certificate` and `key` are PEM files; `mechanism` is SASL's. `space` is
    put before the name of every topic, group and writer: so several logs fit into one cluster.
    `outage_seconds` is how long who goes on with it waits where it does not answer.
    """

    brokers: str
    protocol: str = "PLAINTEXT"
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    mechanism: str | None = None
    username: str | None = None
    password: str | None = None
    space: str = ""
    outage_seconds: float = 120.0

    def named(self, name: str) -> str:
        """A topic, group or writer as the cluster knows it."""
        return f"{self.space}.{name}" if self.space else name

    def __repr__(self) -> str:
        return f"Cluster({self.brokers}, {self.protocol})"

    def options(self) -> dict[str, str | int | float | bool]:
        """The options of a client of this cluster, by librdkafka's names."""
        given = {
            "ssl.ca.location": self.authority,
            "ssl.certificate.location": self.certificate,
            "ssl.key.location": self.key,
            "sasl.mechanism": self.mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
        }
        return {
            "bootstrap.servers": self.brokers,
            "security.protocol": self.protocol,
            "client.id": "crivo",
            **{name: str(value) for name, value in given.items() if value is not None},
        }


def open_admin(cluster: Cluster) -> AdminClient:
    """A client that administers; hold it as long as it is asked.

    Raises:
        Misconfigured: SETTING_INVALID for options that are none.
    """
    try:
        return AdminClient(cluster.options(), logger=CLIENT_LOGGER)
    except KafkaException as raised:
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"these settings make no client of Kafka: {raised.args[0].str()}",
            hint="docs/reference/settings.md lists CRIVO_KAFKA__… and what fits together.",
            field="CRIVO_KAFKA__PROTOCOL",
        ) from raised


_Given = TypeVar("_Given")


def patiently(cluster: Cluster, work: Callable[[], _Given]) -> _Given:
    """What the work gives. It is begun anew while the cluster does not answer.

    Raises:
        Misconfigured: as the work.
        Unavailable: as the work, LOG_UNAVAILABLE only after `cluster.outage_seconds` or more.
    """
    until = time.monotonic() + cluster.outage_seconds
    while True:
        try:
            return work()
        except Unavailable as silent:
            if silent.code is not Code.LOG_UNAVAILABLE or time.monotonic() > until:
                raise
            LOGGER.warning("kafka.silent", extra={"facts": {"words": str(silent)}})
        time.sleep(_AGAIN_SECONDS)


class Client(Protocol):
    """A client of any kind: what it knows of the cluster it asks for anew here."""

    def list_topics(self, *, timeout: float) -> ClusterMetadata:
        """Fetches which topics there are, and which broker leads which partition."""
        ...


def ask(cluster: Cluster, what: str, client: Client, question: Callable[[float], _Given]) -> _Given:
    """The answer to a question, which is put again while an election stands in its way, or a broker
    that is silent.

    A client goes on with what it knew before, so that it would be told the same for minutes, or
    wait for a leader that is no more: it fetches anew who leads what.

    Args:
        cluster: Where the client asks.
        what: What is asked for, after "could not".
        client: Who asks.
        question: Puts the question, given how many seconds it may take; it raises KafkaException.

    Raises:
        Misconfigured: as `answered`.
        Unavailable: as `answered`, of what passes only after `ANSWER_SECONDS_MAX`.
    """
    left = ANSWER_SECONDS_MAX
    until = time.monotonic() + left
    with answered(cluster, what):
        while True:
            try:
                return question(min(left, _TURN_SECONDS_MAX))
            except KafkaException as raised:
                error = raised.args[0]
                left = until - time.monotonic() - _BACKOFF_SECONDS
                if left <= 0 or not (is_passing(error) or error.code() in _UNHEARD | _SILENCES):
                    raise
                LOGGER.info("kafka.asked_again", extra={"facts": {"words": error.str()}})
            time.sleep(_BACKOFF_SECONDS)
            # The silent one may be who is asked: the next turn tells.
            with suppress(KafkaException):
                client.list_topics(timeout=min(left, _TURN_SECONDS_MAX))


def result_of(answer: Future[_Given], seconds: float) -> _Given:
    """An administrator's answer, for which `seconds` are its client's to wait.

    Raises:
        KafkaException: there is none.
    """
    # Who waited as long as the client would toss a coin over which of the two tells.
    return answer.result(seconds + ANSWER_SECONDS_MAX)


def is_passing(error: KafkaError) -> bool:
    """Whether it is said while brokers elect who leads a partition or a group: not of one that is
    silent, nor of what is not allowed.
    """
    return error.code() in _PASSING


@contextmanager
def answered(cluster: Cluster, what: str) -> Iterator[None]:
    """A question to the cluster, whose failures are errors of Crivo.

    Raises:
        Misconfigured: SETTING_INVALID where the cluster lets this client not in.
        Unavailable: LOG_UNAVAILABLE where it does not answer, or with an error.
    """
    try:
        yield
    except KafkaException as raised:
        raise failure(cluster, what, raised.args[0]) from raised


def failure(cluster: Cluster, what: str, error: KafkaError) -> CrivoError:
    """What an error of the client means; where it says nothing but silence, a new client is asked
    what it meets.
    """
    if error.code() in _SILENCES:
        error = _cause(cluster) or error
    if error.code() in _REFUSALS or _TLS_WORDS in error.str():
        return Misconfigured(
            Code.SETTING_INVALID,
            f"Kafka at {cluster.brokers} does not let us {what}: {error.str()}",
            hint="Look at CRIVO_KAFKA__PROTOCOL, the credentials beside it and the cluster's ACLs.",
            field="CRIVO_KAFKA__BROKERS",
        )
    hint = (
        "See that its brokers run and can be reached, and that they ask for what "
        "CRIVO_KAFKA__PROTOCOL says; the same call may then succeed."
    )
    if error.code() == KafkaError.INVALID_REPLICATION_FACTOR:
        hint = (
            "As many brokers must run as hold each record. Where there is one, set "
            "CRIVO_KAFKA__REPLICAS=1 and CRIVO_KAFKA__IN_SYNC_MIN=1."
        )
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"Kafka at {cluster.brokers} could not {what}: {error.str()}",
        hint=hint,
        field="CRIVO_KAFKA__BROKERS",
    )


def _cause(cluster: Cluster) -> KafkaError | None:
    """The first that a new client meets on its way in; None where it meets nothing."""
    heard: list[KafkaError] = []
    client = Producer({**cluster.options(), "error_cb": heard.append}, logger=CLIENT_LOGGER)
    until = time.monotonic() + _CAUSE_SECONDS_MAX
    while not heard and time.monotonic() < until:
        client.poll(0.1)
    return heard[0] if heard else None


def committed_in(
    cluster: Cluster, group: Consumer, places: list[TopicPartition]
) -> dict[tuple[str, int], int]:
    """By topic and partition: the offset from which on the group has committed nothing.

    Raises:
        Misconfigured, Unavailable: as `answered`, also where only one partition's is not told.
    """
    return {each: at or 0 for each, at in known_in(cluster, group, places).items()}


def known_in(
    cluster: Cluster, group: Consumer, places: list[TopicPartition]
) -> dict[tuple[str, int], int | None]:
    """As `committed_in`; None where the group never committed, or brokers have forgotten it.

    Raises:
        Misconfigured, Unavailable: as `committed_in`.
    """
    if not places:
        return {}

    def told(seconds: float) -> list[TopicPartition]:
        return committed(group, places, seconds)

    return {
        (each.topic, each.partition): each.offset if each.offset >= 0 else None
        for each in ask(cluster, "tell what is committed", group, told)
    }


def watermarks(consumer: Consumer, part: TopicPartition, seconds: float) -> tuple[int, int]:
    """Where a partition begins, and where it ends, as `ask` puts the question.

    Raises:
        KafkaException: it is not told.
    """
    return consumer.get_watermark_offsets(part, timeout=seconds)


def committed(
    group: Consumer, places: list[TopicPartition], seconds: float
) -> list[TopicPartition]:
    """What the group has committed there, as `ask` puts the question.

    Raises:
        KafkaException: also where only one partition's is not told.
    """
    # The coordinator is looked for before it is asked.
    found = group.committed(places, timeout=2 * seconds)
    for each in found:
        if each.error is not None:
            raise KafkaException(each.error)
    return found

"""Reaching a Kafka cluster: its address, what it asks of a client, and what its failures mean."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from crivo.domain.errors import Code, CrivoError, Misconfigured, Unavailable

#: How long a question to the cluster waits for its answer.
ANSWER_SECONDS_MAX: Final = 15.0

#: How soon a cluster that did not answer is asked again.
_AGAIN_SECONDS: Final = 0.5

#: Where the client says what it meets, and not on the terminal.
LOGGER: Final = logging.getLogger("crivo.kafka")

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
        return AdminClient(cluster.options(), logger=LOGGER)
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
    return Unavailable(
        Code.LOG_UNAVAILABLE,
        f"Kafka at {cluster.brokers} could not {what}: {error.str()}",
        hint="See that its brokers run and can be reached, and that they ask for what "
        "CRIVO_KAFKA__PROTOCOL says; the same call may then succeed.",
        field="CRIVO_KAFKA__BROKERS",
    )


def _cause(cluster: Cluster) -> KafkaError | None:
    """The first that a new client meets on its way in; None where it meets nothing."""
    heard: list[KafkaError] = []
    client = Producer({**cluster.options(), "error_cb": heard.append}, logger=LOGGER)
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
    if not places:
        return {}
    with answered(cluster, "tell what is committed"):
        found = group.committed(places, timeout=2 * ANSWER_SECONDS_MAX)
        for each in found:
            if each.error is not None:
                raise KafkaException(each.error)
    return {(each.topic, each.partition): max(0, each.offset) for each in found}

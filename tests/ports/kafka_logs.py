"""Logs in Kafka for tests, each in a space of its own of one broker."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.log import KafkaLog, open_kafka_log
from crivo.adapters.kafka.topics import MANIFEST, NUMBER_KEY, Topics, declared_topics
from crivo.domain.clock import ClockKind
from crivo.governance.identity import IdentitySealer
from crivo.governance.record_cipher import RecordCipher
from tests.outages import SECONDS_MAX, await_so


def new_space(cluster: Cluster, *, partitions: int = 4, replicas: int = 1) -> Cluster:
    """A space that nobody else has, with the topics of a log."""
    space = f"t{secrets.token_hex(4)}"
    declared = declared_topics(
        partitions=partitions, replicas=replicas, in_sync_min=min(2, replicas), space=space
    )
    own = replace(cluster, space=space)
    Topics(own, declared).apply()
    for broker in own.brokers.split(","):
        await_so(partial(has_heard, own, broker, own.named(MANIFEST)))
    return own


def has_heard(cluster: Cluster, broker: str, name: str) -> bool:
    """Whether one broker knows of a topic: one may hear of it well behind the others."""
    admin = AdminClient({**cluster.options(), "bootstrap.servers": broker})
    return name in admin.list_topics(timeout=SECONDS_MAX).topics


def url_of(cluster: Cluster) -> str:
    """The log of a space, as settings name it."""
    return f"kafka://{cluster.brokers}/{cluster.space}"


def forget_space(cluster: Cluster) -> None:
    """Deletes its topics: a broker that starts again looks at every partition it has."""
    admin = AdminClient(cluster.options())
    names = [name for name in admin.list_topics(timeout=SECONDS_MAX).topics if own(cluster, name)]
    for done in admin.delete_topics(names).values() if names else ():
        done.result(SECONDS_MAX)


def give_numbers(cluster: Cluster, behind: int) -> None:
    """Says that the writer gave the numbers below that one, as it says it with what it appends."""
    producer = Producer(cluster.options())
    producer.produce(cluster.named(MANIFEST), b"%d" % behind, NUMBER_KEY, 0)
    assert producer.flush(SECONDS_MAX) == 0


def own(cluster: Cluster, name: str) -> bool:
    """Whether a topic is of that space."""
    return name.startswith(f"{cluster.space}.")


def open_log_in(
    cluster: Cluster,
    *,
    partitions: int = 4,
    cipher: RecordCipher | None = None,
    identities: IdentitySealer | None = None,
) -> KafkaLog:
    """A log of the tests' manifest."""
    return open_kafka_log(
        cluster,
        clock=ClockKind.REPLAY,
        partitions=partitions,
        new_log_id="test",
        cipher=cipher,
        identities=identities,
    )

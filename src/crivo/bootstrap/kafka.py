"""What the settings say of Kafka, as its adapter wants it: a cluster, its topics, a log in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from crivo.domain.errors import Code, Misconfigured
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.kafka.client import Cluster
    from crivo.adapters.kafka.log import KafkaLog
    from crivo.adapters.kafka.reader import KafkaLogReader
    from crivo.adapters.kafka.rows import KafkaRows
    from crivo.adapters.kafka.topics import Topics
    from crivo.bootstrap.home import Importing
    from crivo.flows.ports import Manifest
    from crivo.governance.identity import IdentitySealer

#: Partitions of a topic unless CRIVO_LOG__PARTITIONS says how many: they can never change.
PARTITIONS: Final = 64

SCHEME: Final = "kafka://"


def cluster_of(settings: Settings) -> Cluster:
    """The cluster of CRIVO_LOG__URL, else of CRIVO_KAFKA__BROKERS, and how one gets in.

    Raises:
        Misconfigured: SETTING_INVALID without a cluster, or without the extra.
    """
    kafka, url = settings.kafka, settings.log.url
    brokers, _, space = ("" if url is None else url).removeprefix(SCHEME).partition("/")
    brokers = brokers or kafka.brokers or ""
    if not brokers:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "no Kafka cluster is named",
            hint="Set CRIVO_KAFKA__BROKERS to its brokers, such as 127.0.0.1:9092.",
            field="CRIVO_KAFKA__BROKERS",
            expected="host:port",
            found="nothing",
        )
    try:
        from crivo.adapters.kafka.client import Cluster
    except ImportError as error:
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"{brokers} asks for a client of Kafka that is not installed",
            hint="`make extra NAME=kafka` makes an environment with it.",
            field="CRIVO_KAFKA__BROKERS",
        ) from error
    return Cluster(
        brokers,
        protocol=kafka.protocol,
        authority=kafka.authority,
        certificate=kafka.certificate,
        key=kafka.key,
        mechanism=kafka.mechanism,
        username=kafka.username,
        password=None if kafka.password is None else kafka.password.get_secret_value(),
        space=space,
        outage_seconds=kafka.outage_seconds,
    )


def open_topics(settings: Settings) -> Topics:
    """The topics of the cluster that the settings name, beside those that a log needs.

    Raises:
        Misconfigured: SETTING_INVALID without a cluster, without the extra, or for settings that do
            not fit together.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.topics import Topics, declared_topics

    declared = declared_topics(
        partitions=settings.log.partitions or PARTITIONS,
        replicas=settings.kafka.replicas,
        in_sync_min=settings.kafka.in_sync_min,
        space=cluster.space,
    )
    return Topics(cluster, declared)


def open_kafka_reader(settings: Settings, *, answers: bool = True) -> KafkaLogReader:
    """The log of CRIVO_LOG__URL as it stands, with the keys of the home folder.

    Raises:
        Misconfigured, Refused, Unavailable: as `KafkaLogReader`.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.reader import KafkaLogReader
    from crivo.bootstrap.home import Paths, record_cipher, rotation_of

    cipher = record_cipher(Paths(settings.home), rotation_of(settings))
    return KafkaLogReader(cluster, cipher=cipher, answers=answers)


@contextmanager
def importing_to_kafka(settings: Settings) -> Iterator[Importing]:
    """What an import needs: the log of CRIVO_LOG__URL, the rest of the home folder.

    Raises:
        Misconfigured, Unavailable: as `open_kafka_log`.
    """
    from crivo.bootstrap.home import open_importing

    with ExitStack() as opened:
        log = open_kafka_writer(settings)
        opened.callback(log.close)
        yield open_importing(settings, opened, log)


def open_kafka_writer(
    settings: Settings,
    *,
    new_log_id: str | None = None,
    identities: IdentitySealer | None = None,
) -> KafkaLog:
    """The log of CRIVO_LOG__URL for its one writer, with the keys of records of the home folder;
    with `identities` it takes events with an identity part in clear.

    Raises:
        Misconfigured, Unavailable: as `open_kafka_log`.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.log import open_kafka_log
    from crivo.bootstrap.home import Paths, record_cipher, rotation_of

    return open_kafka_log(
        cluster,
        clock=settings.log.clock,
        partitions=settings.log.partitions,
        new_log_id=new_log_id or secrets.token_hex(16),
        cipher=record_cipher(Paths(settings.home), rotation_of(settings)),
        identities=identities,
    )


def make_kafka_log(settings: Settings) -> Manifest:
    """What is fixed of the log of CRIVO_LOG__URL; where there is none, its topics and it are made.

    A new one has as many partitions as its topics.

    Raises:
        Misconfigured: LOG_MISMATCH for topics of other counts, and as `open_kafka_log`.
        Unavailable: LOG_UNAVAILABLE.
    """
    open_topics(settings).apply()
    from crivo.adapters.kafka.manifest import find_manifest

    if find_manifest(cluster_of(settings)) is None:
        made = {"partitions": settings.log.partitions or PARTITIONS}
        settings = settings.model_copy(update={"log": settings.log.model_copy(update=made)})
    log = open_kafka_writer(settings)
    log.close()
    return log.manifest


def open_kafka_rows(settings: Settings, manifest: Manifest) -> KafkaRows:
    """The log of CRIVO_LOG__URL for who appends another log's rows; made like that one, if needed.

    Raises:
        Misconfigured, Unavailable: as `KafkaRows`.
    """
    cluster = cluster_of(settings)
    from crivo.adapters.kafka.rows import KafkaRows

    return KafkaRows(cluster, manifest)

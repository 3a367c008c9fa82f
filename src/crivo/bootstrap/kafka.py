"""What the settings say of Kafka, as its adapter wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crivo.domain.errors import Code, Misconfigured
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.kafka.topics import Topics

#: Partitions of a topic unless CRIVO_LOG__PARTITIONS says how many: they can never change.
PARTITIONS: Final = 64


def open_topics(settings: Settings) -> Topics:
    """The topics of the cluster that the settings name, beside those that a log needs.

    Raises:
        Misconfigured: SETTING_INVALID without a cluster, without the extra, or for settings that do
            not fit together.
    """
    kafka = settings.kafka
    if kafka.brokers is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "no Kafka cluster is named",
            hint="Set CRIVO_KAFKA__BROKERS to its brokers, such as 127.0.0.1:9092.",
            field="CRIVO_KAFKA__BROKERS",
        )
    try:
        from crivo.adapters.kafka.client import Cluster
        from crivo.adapters.kafka.topics import Topics, declared_topics
    except ImportError as error:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "CRIVO_KAFKA__BROKERS asks for a client that is not installed",
            hint="`make extra NAME=kafka` makes an environment with it.",
            field="CRIVO_KAFKA__BROKERS",
        ) from error
    cluster = Cluster(
        kafka.brokers,
        protocol=kafka.protocol,
        authority=kafka.authority,
        certificate=kafka.certificate,
        key=kafka.key,
        mechanism=kafka.mechanism,
        username=kafka.username,
        password=None if kafka.password is None else kafka.password.get_secret_value(),
    )
    partitions = settings.log.partitions or PARTITIONS
    declared = declared_topics(
        partitions=partitions, replicas=kafka.replicas, in_sync_min=kafka.in_sync_min
    )
    return Topics(cluster, declared)

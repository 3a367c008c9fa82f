"""How far records that are no events were set aside: a group without members keeps the places.

Whoever reads a topic meets such a record again. The offset that is committed behind it says to all
of them that it is among the dead letters.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from crivo.adapters.kafka.client import (
    CLIENT_LOGGER,
    Cluster,
    answered,
    committed_in,
    patiently,
)
from crivo.domain.streams import Stream

#: The group that keeps the places.
GROUP: Final = "crivo-aside"

_OPTIONS: Final = {"enable.auto.commit": False, "enable.auto.offset.store": False}


class Aside:
    """Says which records are set aside, and keeps it. Safe to call from several threads.

    Raises:
        Misconfigured, Unavailable: as `answered`.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        options = {**cluster.options(), **_OPTIONS, "group.id": cluster.named(GROUP)}
        with answered(cluster, "open a consumer"):
            self.group = Consumer(options, logger=CLIENT_LOGGER)

    def places(self, partitions: Collection[int]) -> dict[tuple[str, int], int]:
        """By topic and partition: behind the last record that is set aside; of every stream.

        Raises:
            Misconfigured, Unavailable: as `committed_in`.
        """
        asked = [
            TopicPartition(self._cluster.named(stream.value), partition)
            for stream in Stream
            for partition in partitions
        ]
        return committed_in(self._cluster, self.group, asked)

    def is_kept(self, message: Message) -> bool:
        """Whether this record, or one behind it in its partition, is set aside.

        Raises:
            Misconfigured, Unavailable: as `committed_in`, once brokers are away for too long.
        """
        behind = place_behind(message)
        asked = [TopicPartition(behind.topic, behind.partition)]
        found = patiently(self._cluster, partial(committed_in, self._cluster, self.group, asked))
        return found[behind.topic, behind.partition] >= behind.offset

    def keep(self, message: Message) -> None:
        """Commits that this record, and what lies before it in its partition, is set aside.

        Raises:
            Misconfigured, Unavailable: as `answered`, once brokers are away for too long.
        """
        patiently(self._cluster, partial(self._keep, place_behind(message)))

    def _keep(self, place: TopicPartition) -> None:
        with answered(self._cluster, "take note of a dead letter"):
            self.group.commit(offsets=[place], asynchronous=False)


def place_behind(message: Message) -> TopicPartition:
    """The place behind a record."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None, "it came"
    return TopicPartition(topic, partition, offset + 1)

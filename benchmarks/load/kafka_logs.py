"""Logs in a broker of a benchmark's own: made, and filled with what waits for its decision."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Final

from benchmarks.load.service import ROOT
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.log import KafkaLog, open_kafka_log
from crivo.adapters.kafka.topics import Topics, declared_topics
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event

JARS: Final = ROOT / ".tools" / "engines" / "kafka"
PARTITIONS: Final = 4

#: Events that are appended at once.
_APPENDED: Final = 10_000


def make_log(cluster: Cluster) -> KafkaLog:
    """The log of a cluster that has nothing yet, for its one writer."""
    declared = declared_topics(partitions=PARTITIONS, replicas=1, in_sync_min=1)
    Topics(cluster, declared).apply()
    return open_kafka_log(
        cluster, clock=ClockKind.REPLAY, partitions=PARTITIONS, new_log_id="benchmark"
    )


def wait_for_decisions(cluster: Cluster, events: Sequence[Event]) -> None:
    """Makes a log in which the events wait."""
    with closing(make_log(cluster)) as log:
        for at in range(0, len(events), _APPENDED):
            log.append(events[at : at + _APPENDED])

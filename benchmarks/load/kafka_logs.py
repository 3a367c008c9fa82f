"""Logs in a broker of a benchmark's own: made, and filled with what waits for its decision."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from benchmarks.load.service import ROOT
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.log import KafkaLog, open_kafka_log
from crivo.adapters.kafka.records import Value
from crivo.adapters.kafka.topics import Topics, declared_topics
from crivo.adapters.sqlite.reader import open_reader
from crivo.domain.clock import ClockKind
from crivo.domain.event import Event
from crivo.domain.streams import Stream
from crivo.domain.transfer import Transfer

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


def past_transfers(home: Path, count: int) -> list[Event]:
    """Transfers of a home's past, as if each waited for its decision; all of them where it has
    fewer than `count`.
    """
    found: list[Event] = []
    with closing(open_reader(home / "log.sqlite")) as reader:
        start = 0
        while len(found) < count and start < reader.end():
            read = reader.read(start=start, limit=10_000)
            start = read[-1].seq + 1
            past = (each.event for each in read if each.event.stream is Stream.HISTORY)
            found += [event._replace(stream=Stream.TRANSFERS) for event in past]
    return found[:count]


def told_peer(cluster: Cluster) -> dict[str, Any]:
    """Where a peer that has an environment of its own finds transfers, what of them it reads, and
    where its answers go.
    """
    names = [each.name for each in fields(Transfer)]
    return {
        "brokers": cluster.brokers,
        "transfers": cluster.named(Stream.TRANSFERS.value),
        "answers": cluster.named(Stream.DECISIONS.value),
        "payload_at": Value.__struct_fields__.index("payload"),
        "id_at": names.index("end_to_end_id"),
        "amount_at": names.index("amount_centavos"),
    }

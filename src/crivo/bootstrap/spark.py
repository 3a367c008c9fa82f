"""Composes the Spark job: a log in Kafka, the champion, the lake, on a session of Spark."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.kafka.client import Cluster
from crivo.adapters.kafka.java import java_options
from crivo.adapters.kafka.manifest import require_manifest
from crivo.adapters.kafka.records import SEQ, answer_of, place_of
from crivo.adapters.kafka.tail import Tail
from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.spark.job import ANSWER, CHECKPOINT, CUT, WAITS, Job
from crivo.adapters.spark.listener import WHOLE_BATCH, Progress, listener
from crivo.adapters.spark.session import spark_session
from crivo.adapters.telemetry.exposition import exposed
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.home import Paths, record_cipher, rotation_of
from crivo.bootstrap.kafka import cluster_of
from crivo.bootstrap.service import champion_bundle
from crivo.bootstrap.snapshots import warn_unfit
from crivo.bootstrap.spark_lake import open_spark_lake
from crivo.bootstrap.spark_records import headers_of, record_row
from crivo.domain.errors import Code, Unavailable
from crivo.domain.event import StoredEvent
from crivo.domain.streams import Stream, partition_of
from crivo.flows.answering import Answered, Answering
from crivo.flows.event_rows import EventRow, seal_rows, stored_event
from crivo.flows.event_rows import row_of as row_of_event
from crivo.flows.ports import Manifest
from crivo.flows.replica import newest_replica
from crivo.settings import Settings

#: Events that are judged together.
TURN_EVENTS: Final = 4_096
#: How long a state that lags waits for the records that it lacks.
CATCH_UP_SECONDS_MAX: Final = 120.0

#: What each process of Python knows of a job, by the folder of its checkpoint.
_KNOWN: dict[str, Answering] = {}


@dataclass(frozen=True, slots=True)
class _Extent:
    """A log whose end is not asked for: what a batch begins with bounds a snapshot already."""

    manifest: Manifest

    def end(self) -> int:
        return 1 << 62


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides the records of a batch, in whichever process of Python Spark has it do so.

    State is that of the events below a number, whoever folded them: a process that lacks some takes
    the newest snapshot, or what it has, and reads the rest from the log.
    """

    settings: Settings
    cluster: Cluster
    manifest: Manifest
    job: str

    def __call__(self, start: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of `MADE`: answers to what follows from `start` on without a gap; the rest waits."""
        records = [record for batch in batches for record in batch.to_pylist()]
        numbered: dict[int, tuple[EventRow, Mapping[str, Any]]] = {}
        for record in records:
            headers = headers_of(record)
            place = place_of(headers)
            if place is not None and not place.is_answer:
                row = record_row(self.cluster, record, place.number)
                numbered[place.number] = (row, record)
        end = start
        while end in numbered:
            end += 1
        cipher = record_cipher(Paths(self.settings.home), rotation_of(self.settings))
        events = [stored_event(numbered[number][0], cipher) for number in range(start, end)]
        answers = self._answers(start, events) if events else []
        made = [self._published(each) for each in self._records(answers)]
        made += [
            {"kind": WAITS, "number": number, **record}
            for number, (_, record) in sorted(numbered.items())
            if number >= end
        ]
        made.append({"kind": CUT, "number": end})
        yield _batch_of(made)

    def _answers(self, start: int, events: Sequence[StoredEvent]) -> list[Answered]:
        answering = self._state_at(start)
        found: list[Answered] = []
        for at in range(0, len(events), TURN_EVENTS):
            some = events[at : at + TURN_EVENTS]
            found += answering.take(some, is_asked=lambda _: True)
        _KNOWN[self.job] = answering
        self._keep(answering)
        return found

    def _state_at(self, start: int) -> Answering:
        """The state of the events below a number."""
        answering = _KNOWN.pop(self.job, None)
        if answering is None or answering.folded > start:
            answering = self._restored(start)
        if answering.folded < start:
            self._catch_up(answering, start)
        return answering

    def _restored(self, until: int) -> Answering:
        bundle = champion_bundle(self.settings)
        files = SnapshotFiles(Paths(self.settings.home).snapshots)
        replica = newest_replica(
            bundle.plan, files, _Extent(self.manifest), unfit=warn_unfit, until=until
        )
        replica.engine.make_room()
        return Answering(
            bundle,
            self.manifest.log_id,
            replica,
            monotonic_ns=time.perf_counter_ns,
            host=socket.gethostname(),
        )

    def _catch_up(self, answering: Answering, start: int) -> None:
        """Decides again, for its state alone, what lies between a state and a number.

        Raises:
            Unavailable: LOG_UNAVAILABLE where the log does not give it.
        """
        cipher = record_cipher(Paths(self.settings.home), rotation_of(self.settings))
        tail = Tail(
            self.cluster,
            self.manifest.partitions,
            start=answering.folded,
            cipher=cipher,
        )
        until = time.monotonic() + CATCH_UP_SECONDS_MAX
        try:
            while answering.folded < start:
                some = tail.take(min(TURN_EVENTS, start - answering.folded), 0.2)
                if some:
                    answering.take(some, is_asked=lambda _: True)
                elif time.monotonic() > until:
                    raise Unavailable(
                        Code.LOG_UNAVAILABLE,
                        f"Kafka at {self.cluster.brokers} did not give event {answering.folded}",
                        hint="See that its brokers run, and how long they keep records.",
                        field="number",
                        expected=start,
                        found=answering.folded,
                    )
        finally:
            tail.close()

    def _keep(self, answering: Answering) -> None:
        wanted = self.settings.snapshots
        files = SnapshotFiles(Paths(self.settings.home).snapshots)
        cuts = files.cuts(answering.plan_hash) if wanted.enabled else []
        newest = max((cut for cut in cuts if cut <= answering.folded), default=0)
        if wanted.enabled and answering.folded - newest >= wanted.every_events:
            files.keep(answering.snapshot())

    def _records(self, answers: Sequence[Answered]) -> Iterator[tuple[EventRow, bytes]]:
        cipher = record_cipher(Paths(self.settings.home), rotation_of(self.settings))
        rows, causes = [], []
        for each in answers:
            for event in each.events:
                partition = partition_of(event.key, self.manifest.partitions)
                rows.append(row_of_event(event, seq=each.transfer.seq, partition=partition))
                causes.append(each.transfer.event.event_id)
        yield from zip(seal_rows(rows, cipher=cipher, identities=None), causes, strict=True)

    def _published(self, answer: tuple[EventRow, bytes]) -> Mapping[str, Any]:
        row, cause = answer
        record = answer_of(row, cause=cause)
        return {
            "kind": ANSWER,
            "number": row[0],
            "topic": self.cluster.named(row[1]),
            "partition": row[2],
            "key": record.key,
            "value": record.value,
            "headers": [{"key": name, "value": value} for name, value in record.headers],
        }


_ARROW: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("number", pa.int64()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
    ]
)


def _batch_of(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in _ARROW]
    return pa.RecordBatch.from_arrays(arrays, schema=_ARROW)


@dataclass(slots=True)
class SparkResult:
    """What a job has done: transfers answered, batches, records of the log, and the seconds of its
    stages and of Spark's own. The first batch, in which all is cold, is told besides.
    """

    decided: int = 0
    batches: int = 0
    records: int = 0
    first_records: int = 0
    first_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Counts what a stage took."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells the metrics of a job, and who called it."""

    metrics: Metrics
    result: SparkResult

    def batch(self, progress: Progress) -> None:
        metrics, result = self.metrics, self.result
        metrics.spark_batch()
        metrics.spark_took_in(progress.records)
        metrics.spark_lags(progress.lag)
        if not result.batches:
            result.first_records = progress.records
            result.first_seconds = progress.seconds.get(WHOLE_BATCH, 0.0)
        result.batches += 1
        result.records += progress.records
        for stage, seconds in progress.seconds.items():
            self.took(stage, seconds)

    def took(self, stage: str, seconds: float) -> None:
        self.metrics.spark_took(stage, seconds)
        self.result.add(stage, seconds)


def decide_by_spark(
    settings: Settings,
    master: str,
    *,
    until_end: bool,
    should_stop: Callable[[], bool],
    metrics_port: int | None = None,
) -> SparkResult:
    """Decides a log in Kafka by Spark until it is to stop; what was done.

    Raises:
        Misconfigured, Unavailable: as `cluster_of`, `champion_bundle`, `spark_session`, `exposed`
            and `open_spark_lake`.
    """
    settings = with_whole_paths(settings)
    cluster = cluster_of(settings)
    champion_bundle(settings)
    manifest = require_manifest(cluster)
    folder = Paths(settings.home).spark
    make_private_folder(folder)
    name = load_or_create_key(folder / "name", make=secrets.token_bytes).hex()[:16]
    decider = Decider(settings, cluster, manifest, name)
    metrics, result = Metrics(), SparkResult()
    told = Telling(metrics, result)
    with ExitStack() as opened:
        session = opened.enter_context(
            spark_session(master, settings.spark.jars, memory=settings.spark.memory)
        )
        # Who answers there has a session.
        if metrics_port is not None:
            opened.enter_context(exposed(metrics, settings.http.host, metrics_port))
        session.streams.addListener(listener(told))
        laid_down = None
        if settings.spark.lake:
            laid_down = open_spark_lake(
                settings,
                session,
                cluster=cluster,
                manifest=manifest,
                name=name,
                checkpoint=folder / CHECKPOINT,
                told=told,
            )
        job = Job(
            session,
            options=_kafka_options(cluster),
            topics=[cluster.named(stream.value) for stream in Stream],
            folder=folder,
            decide=decider,
            records_max=settings.spark.batch_records,
            number=SEQ,
            alerts=Stream.ALERTS.value,
            lay_down=laid_down,
            told=told,
        )
        job.run(should_stop, until_end=until_end)
        if until_end and laid_down is not None and not should_stop():
            laid_down.refine(job.newest())
    # What Spark tells of its batches has come once its session has ended.
    result.decided = job.decided
    return result


def with_whole_paths(settings: Settings) -> Settings:
    """The settings with absolute paths: an executor of a cluster works in a folder of its own."""
    names = ("authority", "certificate", "key")
    files = {name: path.resolve() for name in names if (path := getattr(settings.kafka, name))}
    return settings.model_copy(
        update={
            "home": settings.home.resolve(),
            "policy": settings.policy.resolve(),
            "kafka": settings.kafka.model_copy(update=files),
        }
    )


def _kafka_options(cluster: Cluster) -> dict[str, str]:
    """What Spark's source and sink are told: as Java's client has it."""
    options = {
        **java_options(cluster),
        "isolation.level": "read_committed",
        "acks": "all",
        "enable.idempotence": "true",
        "compression.type": "lz4",
    }
    return {f"kafka.{name}": value for name, value in options.items()}

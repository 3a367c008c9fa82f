"""Composes the Spark job: a log in Kafka, the champion, the lake, on a session of Spark."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Final

import pyarrow as pa

from crivo.adapters.files.private import make_private_folder
from crivo.adapters.files.secret import load_or_create_key
from crivo.adapters.kafka.client import Cluster, patiently
from crivo.adapters.kafka.java import java_options
from crivo.adapters.kafka.manifest import number_kept, require_manifest
from crivo.adapters.kafka.numbers import Numbers
from crivo.adapters.kafka.publisher import set_aside_once
from crivo.adapters.kafka.records import answer_of
from crivo.adapters.kafka.tail import Tail, read_answers
from crivo.adapters.spark.failure import coded, failure
from crivo.adapters.spark.job import CHECKPOINT, KEPT, Job
from crivo.adapters.spark.kept import RECORD, Done, Kept, Left
from crivo.adapters.spark.listener import listener
from crivo.adapters.spark.session import spark_session
from crivo.adapters.telemetry.exposition import exposed
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.collecting import seldom_collected
from crivo.bootstrap.home import Paths, record_cipher, refused_cipher, rotation_of
from crivo.bootstrap.kafka import cluster_of
from crivo.bootstrap.service import champion_bundle
from crivo.bootstrap.snapshots import snapshot_files, warn_unfit
from crivo.bootstrap.spark_lake import Bronze, open_spark_lake
from crivo.bootstrap.spark_records import (
    OCCURRED,
    Placed,
    events_among,
    foreign_among,
    placed_in,
    published,
)
from crivo.bootstrap.spark_telling import SparkResult, Telling
from crivo.decision import record
from crivo.domain.errors import Code, Unavailable
from crivo.domain.event import Event
from crivo.domain.streams import Stream, partition_of
from crivo.flows.answering import Answered, Answering
from crivo.flows.event_rows import EventRow, seal_rows, stored_event
from crivo.flows.event_rows import row_of as row_of_event
from crivo.flows.ports import Manifest
from crivo.flows.replica import newest_replica
from crivo.governance.record_cipher import RecordCipher
from crivo.settings import Settings

#: Events that are judged together.
TURN_EVENTS: Final = 4_096
#: How long a state that lags waits for the records that it lacks.
CATCH_UP_SECONDS_MAX: Final = 120.0

#: What each process of Python knows of a job, by the folder of its checkpoint.
_KNOWN: dict[str, Answering] = {}
#: When each kept a snapshot for it last, or tried to, or began, and what was folded then.
_KEPT: dict[str, tuple[float, int]] = {}


@dataclass(frozen=True, slots=True)
class _Extent:
    """A log whose end is not asked for: what a batch begins with bounds a snapshot already."""

    manifest: Manifest

    def end(self) -> int:
        return 1 << 62


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides the records of a batch, in whichever process of Python Spark has it do so.

    A batch has a range of offsets of each partition, and these do not end at one number of the
    log: so of a batch, and of what waits from the batch before, the records up to the first missing
    number are decided, and the others wait for the next.

    State is that of the events below a number, whoever folded them: a process that lacks some takes
    the newest snapshot, or what it has, and reads the rest from the log.
    """

    settings: Settings
    cluster: Cluster
    manifest: Manifest
    job: str
    kept: Kept
    #: What keeps all records of a batch in the lake; None for a job without one.
    bronze: Bronze | None

    def __call__(self, batch: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of `PUBLISHED`: answers to what follows without a gap on what the batch before
        left; what this one leaves is kept.
        """
        with seldom_collected():
            yield from self._made(batch, batches)

    def _made(self, batch: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        stages = _Stages()
        left = self.kept.left(batch - 1)
        with stages.timed("read"):
            came = pa.concat_tables([RECORD.empty_table(), *map(_as_table, batches)])
            # All of them came before it is asked, once, what the writer has given.
            kept = partial(number_kept, self.cluster, is_settled=False)
            given = cache(partial(patiently, self.cluster, kept))
            numbers = Numbers(lambda _number: given(), left.passed)
            new = placed_in(self.cluster, came, numbers)
            # What waits was looked at when it came, and nothing foreign is among it.
            waited = placed_in(self.cluster, left.waiting, Numbers(None, {}))
            foreign = foreign_among(came, new)
            if foreign:
                refused = refused_cipher(self.settings)
                set_aside_once(self.cluster, self.manifest.partitions, foreign, refused)
            events = events_among([*waited, *new])
        rows = [each.row for each in new if each is not None]
        if self.bronze is not None and rows:
            with stages.timed("bronze"):
                self.bronze(rows, batch)
        cut = left.cut
        while cut in events:
            cut += 1
        done, cipher = Done(foreign=len(foreign)), self._cipher()
        due = [events[number] for number in range(left.cut, cut)]
        for answers in self._answers(left.cut, due, cipher, stages, done):
            with stages.timed("decide"):
                made = self._published(answers, cipher)
            done.decided += len(answers)
            done.published += made.num_rows
            yield made
        waiting = pa.concat_tables(
            records.filter(pa.array([_waits(each, cut) for each in found], pa.bool_()))
            for records, found in ((left.waiting, waited), (came, new))
        )
        done.seconds = stages.seconds
        self.kept.keep(batch, Left(cut, waiting, numbers.passed), done)

    def _answers(
        self,
        start: int,
        rows: Sequence[EventRow],
        cipher: RecordCipher | None,
        stages: _Stages,
        done: Done,
    ) -> Iterator[list[Answered]]:
        """The answers to the events of these rows, so many events at a time; behind the last a
        snapshot is kept if one is due, and `done` says why it could not be.
        """
        if not rows:
            return
        with stages.timed("decide"):
            answering = self._state_at(start)
        for at in range(0, len(rows), TURN_EVENTS):
            with stages.timed("decide"):
                events = [stored_event(row, cipher) for row in rows[at : at + TURN_EVENTS]]
                answers = answering.take(events, is_asked=lambda _: True)
            yield answers
        _KNOWN[self.job] = answering
        with stages.timed("decide"):
            done.unkept = self._keep(answering)

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
        files = snapshot_files(self.settings, self.manifest)
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
        """Folds what lies between a state and a number, and what was answered there: by whichever
        champion then was. Of several answers the first stands; what has none is decided anew.

        Raises:
            Unavailable: LOG_UNAVAILABLE where the log does not give it.
        """
        partitions, known = self.manifest.partitions, dict[int, Event]()
        asked = partial(read_answers, self.cluster, range(partitions), self._cipher())
        for number, event in patiently(self.cluster, asked):
            if event.schema == record.SCHEMA and answering.folded <= number < start:
                known.setdefault(number, event)
        answering.remember(list(known.items()))
        opened = partial(
            Tail, self.cluster, partitions, start=answering.folded, cipher=self._cipher()
        )
        tail = patiently(self.cluster, opened)
        until = time.monotonic() + CATCH_UP_SECONDS_MAX
        try:
            while answering.folded < start:
                some = tail.take(min(TURN_EVENTS, start - answering.folded), 0.2)
                if some:
                    answering.take(some, is_asked=lambda stored: stored.seq not in known)
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

    def _keep(self, answering: Answering) -> str:
        """Keeps a snapshot if one is due; why it could not be written, else nothing."""
        wanted, now = self.settings.snapshots, time.monotonic()
        since, tried = _KEPT.setdefault(self.job, (now, 0))
        files = snapshot_files(self.settings, self.manifest)
        cuts = [tried, *(files.cuts(answering.plan_hash) if wanted.enabled else [])]
        new = answering.folded - max((cut for cut in cuts if cut <= answering.folded), default=0)
        is_due = new >= wanted.every_events or (new and now - since >= wanted.every_seconds)
        if wanted.enabled and is_due:
            _KEPT[self.job] = (now, answering.folded)
            try:
                files.keep(answering.snapshot())
            except Unavailable as error:
                return str(error)
        return ""

    def _published(
        self, answers: Sequence[Answered], cipher: RecordCipher | None
    ) -> pa.RecordBatch:
        rows, causes = [], []
        for each in answers:
            for event in each.events:
                partition = partition_of(event.key, self.manifest.partitions)
                rows.append(row_of_event(event, seq=each.transfer.seq, partition=partition))
                causes.append(each.transfer.event.event_id)
        sealed = seal_rows(rows, cipher=cipher, identities=None)
        records = [answer_of(row, cause=cause) for row, cause in zip(sealed, causes, strict=True)]
        return published(self.cluster, sealed, records)

    def _cipher(self) -> RecordCipher | None:
        return record_cipher(Paths(self.settings.home), rotation_of(self.settings))


def _as_table(records: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([records]).cast(RECORD)


def _waits(placed: Placed | None, cut: int) -> bool:
    """Whether a record is an event that a batch which went up to that number leaves to the next."""
    return placed is not None and not placed.is_answer and placed.row[0] >= cut


@dataclass(slots=True)
class _Stages:
    """What the stages of a batch took in a process of Python, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begun


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
        CrivoError: as `failure` has what ends the job.
    """
    settings = with_whole_paths(settings)
    cluster = cluster_of(settings)
    champion_bundle(settings)
    manifest = require_manifest(cluster)
    folder = Paths(settings.home).spark
    make_private_folder(folder)
    name = load_or_create_key(folder / "name", make=secrets.token_bytes).hex()[:16]
    kept = Kept(folder / KEPT)
    metrics, result = Metrics(), SparkResult()
    meant = partial(failure, brokers=cluster.brokers, checkpoint=str(folder / CHECKPOINT))
    told = Telling(metrics, result, meant)
    with ExitStack() as opened:
        session = opened.enter_context(
            spark_session(master, settings.spark.jars, memory=settings.spark.memory)
        )
        # Who answers there has a session.
        if metrics_port is not None:
            opened.enter_context(exposed(metrics, settings.http.host, metrics_port))
        session.streams.addListener(listener(told))
        bronze, refining = None, None
        if settings.spark.lake:
            bronze, refining = open_spark_lake(
                settings,
                session,
                master=master,
                manifest=manifest,
                name=name,
                checkpoint=folder / CHECKPOINT,
                told=told,
            )
        job = Job(
            session,
            options=kafka_options(cluster),
            topics=[cluster.named(stream.value) for stream in Stream],
            occurred=OCCURRED,
            folder=folder,
            kept=kept,
            decide=Decider(settings, cluster, manifest, name, kept, bronze),
            records_max=settings.spark.batch_records,
            refine=refining,
            told=told,
        )
        with coded(meant):
            job.run(should_stop, until_end=until_end)
            if refining is not None and until_end and not should_stop():
                refining.end(kept.newest())
            elif refining is not None:
                refining.wait()
    # What Spark tells of its batches has come once its session has ended.
    result.decided = job.decided
    return result


def with_whole_paths(settings: Settings) -> Settings:
    """The settings with absolute paths: an executor of a cluster works in a folder of its own."""
    names = ("authority", "certificate", "key")
    files = {name: path.resolve() for name in names if (path := getattr(settings.kafka, name))}
    lake = settings.lake.url
    if lake is not None and "://" not in lake:
        lake = str(Path(lake).resolve())
    return settings.model_copy(
        update={
            "home": settings.home.resolve(),
            "policy": settings.policy.resolve(),
            "kafka": settings.kafka.model_copy(update=files),
            "lake": settings.lake.model_copy(update={"url": lake}),
        }
    )


def kafka_options(cluster: Cluster) -> dict[str, str]:
    """What Spark's source and sink are told: as Java's client has it."""
    options = {
        **java_options(cluster),
        "isolation.level": "read_committed",
        "acks": "all",
        "enable.idempotence": "true",
        "compression.type": "lz4",
    }
    return {f"kafka.{name}": value for name, value in options.items()}

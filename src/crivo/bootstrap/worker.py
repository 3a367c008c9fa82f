"""Composes the worker: a log in Kafka, the champion, snapshots of the home folder, metrics."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from crivo.adapters.kafka.manifest import require_manifest
from crivo.adapters.kafka.publisher import ExactPublisher, PlainPublisher
from crivo.adapters.kafka.worker import Worker
from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.telemetry.exposition import exposed
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.home import Paths, record_cipher, rotation_of
from crivo.bootstrap.kafka import cluster_of
from crivo.bootstrap.service import champion_bundle, shadow_network
from crivo.bootstrap.snapshots import warn_unfit
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.answering import Answered, Answering
from crivo.flows.event_rows import seal_rows
from crivo.flows.ports import Manifest
from crivo.flows.replica import newest_replica
from crivo.settings import Settings

#: No log is longer: a worker that starts has not read its own to the end.
_EVENTS_MAX: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Deciding:
    """How a worker works."""

    exactly_once: bool = False
    until_end: bool = False
    metrics_port: int | None = None


@dataclass(slots=True)
class DecideResult:
    """What a worker has done; `seconds` went by from its first turn's answers to its last's."""

    decided: int = 0
    first: int = 0
    seconds: float = 0.0
    alerts: int = 0
    rebuilt: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Extent:
    """The log, whose end nobody has read yet."""

    manifest: Manifest

    def end(self) -> int:
        return _EVENTS_MAX


@dataclass(frozen=True, slots=True)
class _Told:
    """Counts what a worker tells of, for its metrics and for who called it."""

    metrics: Metrics
    result: DecideResult
    began: list[float] = field(default_factory=lambda: [0.0])

    def answered(self, answers: Sequence[Answered]) -> None:
        now, result = time.perf_counter(), self.result
        if not result.decided:
            result.first, self.began[0] = len(answers), now
        result.seconds = now - self.began[0]
        result.decided += len(answers)
        for each in answers:
            self.result.alerts += len(each.events) - 1
            self.result.outcomes[each.answer.outcome.value] += 1
            self.metrics.decided(each.answer.outcome.value, each.answer.degraded)

    def lagging(self, events: int) -> None:
        self.metrics.worker_lags(events)

    def assigned(self, partitions: int) -> None:
        self.metrics.worker_bears(partitions)

    def rebuilt(self) -> None:
        self.result.rebuilt += 1
        self.metrics.worker_rebuilt()


def decide(
    settings: Settings, deciding: Deciding, *, should_stop: Callable[[], bool]
) -> DecideResult:
    """What a worker did until it was to stop, on the log of CRIVO_LOG__URL.

    Raises:
        Misconfigured: SETTING_INVALID without a URL; as `champion_bundle`.
        Unavailable: MODEL_MISSING, NOT_FOUND without a log, LOG_UNAVAILABLE.
        Refused: as `Worker.run`.
    """
    if settings.log.url is None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "a worker answers a log in Kafka, and none is named",
            hint="Give --log kafka://HOST:PORT; a log's file is answered by `crivo serve`.",
            field="CRIVO_LOG__URL",
            expected="kafka://HOST:PORT",
            found="nothing",
        )
    cluster, paths = cluster_of(settings), Paths(settings.home)
    bundle = champion_bundle(settings)
    shadow = shadow_network(settings, bundle)
    manifest = require_manifest(cluster)
    cipher = record_cipher(paths, rotation_of(settings))
    seal = partial(seal_rows, cipher=cipher, identities=None)
    files = SnapshotFiles(paths.snapshots)
    metrics, result = Metrics(), DecideResult()

    def start(until: int | None) -> Answering:
        extent = _Extent(manifest)
        replica = newest_replica(bundle.plan, files, extent, unfit=warn_unfit, until=until)
        replica.engine.make_room()
        return Answering(
            bundle,
            manifest.log_id,
            replica,
            monotonic_ns=time.perf_counter_ns,
            host=socket.gethostname(),
            shadow=shadow,
        )

    if deciding.exactly_once:
        name = f"crivo-decide-{secrets.token_hex(8)}"
        publisher: ExactPublisher | PlainPublisher = ExactPublisher(
            cluster, manifest.partitions, seal, name=name
        )
    else:
        publisher = PlainPublisher(cluster, manifest.partitions, seal)
    with ExitStack() as opened:
        if deciding.metrics_port is not None:
            opened.enter_context(exposed(metrics, settings.http.host, deciding.metrics_port))
        worker = Worker(
            cluster,
            manifest,
            start,
            publisher,
            _Told(metrics, result),
            cipher=cipher,
            keep=_keeper(settings, files),
        )
        worker.run(should_stop, until_end=deciding.until_end)
    return result


def _keeper(settings: Settings, files: SnapshotFiles) -> Callable[[Answering], None]:
    """Keeps a snapshot whenever enough events were folded since the last."""
    kept: int | None = None

    def keep(answering: Answering) -> None:
        nonlocal kept
        if kept is None or answering.folded < kept:
            kept = answering.folded
        if (
            settings.snapshots.enabled
            and answering.folded - kept >= settings.snapshots.every_events
        ):
            files.keep(answering.snapshot())
            kept = answering.folded

    return keep

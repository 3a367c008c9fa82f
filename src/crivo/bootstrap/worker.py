"""Composes the worker: a log in Kafka, the champion, snapshots of the home folder, metrics."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from crivo.adapters.kafka.manifest import require_manifest
from crivo.adapters.kafka.publisher import ExactPublisher, PlainPublisher
from crivo.adapters.kafka.publishing import Turn
from crivo.adapters.kafka.worker import Worker
from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.telemetry.exposition import exposed
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.collecting import seldom_collected
from crivo.bootstrap.home import Paths, record_cipher, refused_cipher, rotation_of
from crivo.bootstrap.kafka import cluster_of
from crivo.bootstrap.service import champion_bundle, shadow_network
from crivo.bootstrap.snapshots import snapshot_files, warn_unfit, warn_unkept
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.answering import Answering
from crivo.flows.collecting import settle_down
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
    """What a worker has done.

    `steadily` counts what was published after the first publication, up to the last but one;
    `seconds` went by meanwhile, and `processor_seconds` all its threads worked. While one
    publication is on its way the next is decided already: so at both ends much alike is counted on
    one side only, and a rate is neither the first's nor the last's.
    """

    decided: int = 0
    steadily: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    alerts: int = 0
    hold_ends: int = 0
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
    #: Of the first publication and the newest: clock, processor time, how many were decided.
    marks: list[tuple[float, float, int]] = field(default_factory=list)

    def published(self, turn: Turn) -> None:
        answers, result = turn.answers, self.result
        if self.marks:
            first, newest = self.marks[0], self.marks[-1]
            result.seconds, result.processor_seconds, result.steadily = (
                newest[0] - first[0],
                newest[1] - first[1],
                newest[2] - first[2],
            )
        result.decided += len(answers)
        self.marks[1:] = [(time.perf_counter(), time.process_time(), result.decided)]
        result.alerts += sum(len(each.events) for each in answers) - len(answers)
        alike = Counter((each.answer.outcome.wire, each.answer.degraded) for each in answers)
        for (outcome, degraded), count in alike.items():
            result.outcomes[outcome] += count
            self.metrics.decided(outcome, degraded, count)
        result.hold_ends += len(turn.ends)
        for each in turn.ends:
            self.metrics.hold_ended(each.outcome)

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
    refused = refused_cipher(settings)
    files = snapshot_files(settings, manifest)
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
            cluster, manifest.partitions, seal, refused, name=name
        )
    else:
        publisher = PlainPublisher(cluster, manifest.partitions, seal, refused)
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
            keeper=_Keeper(settings, files, metrics.snapshot_failed),
        )
        settle_down()
        with seldom_collected():
            worker.run(should_stop, until_end=deciding.until_end)
    return result


@dataclass(slots=True)
class _Keeper:
    """Keeps a snapshot whenever enough events were folded since the last, or some and enough time
    went by, and at the end. One that cannot be written is warned of, and the worker goes on.
    """

    settings: Settings
    files: SnapshotFiles
    #: Hears of each that could not be written.
    failed: Callable[[], None]
    #: How much the last one that there is has folded; None before the first turn.
    kept: int | None = None
    #: And since when.
    since: float = 0.0

    def between_turns(self, answering: Answering) -> None:
        """As `Keeper`."""
        if self.kept is None or answering.folded < self.kept:
            self.kept, self.since = answering.folded, time.monotonic()
        new, every = answering.folded - self.kept, self.settings.snapshots
        is_due = time.monotonic() - self.since >= every.every_seconds
        if new >= every.every_events or (new and is_due):
            self._keep(answering)

    def at_end(self, answering: Answering) -> None:
        """As `Keeper`: the next start has nothing to read again."""
        cuts = self.files.cuts(answering.plan_hash)
        if answering.folded not in (0, *cuts[:1]):
            self._keep(answering)

    def _keep(self, answering: Answering) -> None:
        if self.settings.snapshots.enabled:
            try:
                self.files.keep(answering.snapshot())
            except Unavailable as error:
                warn_unkept(str(error))
                self.failed()
        self.kept, self.since = answering.folded, time.monotonic()

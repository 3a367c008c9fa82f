"""How old what a service knows is: per stream by the log's clock, and since its newest snapshot."""

from __future__ import annotations

import logging
import threading
from typing import Final

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.home import Paths
from crivo.domain.instant import SECOND
from crivo.domain.streams import Stream
from crivo.flows.decide import DecisionService
from crivo.settings import Settings

#: How often it is looked at.
LOOK_SECONDS: Final = 1.0

_LOGGER: Final = logging.getLogger("crivo.staleness")


def keep_measured(
    settings: Settings, decisions: DecisionService, metrics: Metrics, stop: threading.Event
) -> None:
    """Until `stop`: tells how old the newest event of each stream is, and the newest snapshot."""
    files = SnapshotFiles(Paths(settings.home).snapshots)
    while True:
        try:
            _measure(files, decisions, metrics)
        except OSError as error:
            # A folder that cannot be listed just now stops no decision; it is tried again.
            _LOGGER.warning("staleness.unknown", extra={"facts": {"words": str(error)}})
        if stop.wait(LOOK_SECONDS):
            return


def _measure(files: SnapshotFiles, decisions: DecisionService, metrics: Metrics) -> None:
    log, now = decisions.log, decisions.clock.now()
    places = range(log.manifest.partitions)
    for stream in Stream:
        newest = max(log.order_time(stream, place) for place in places)
        if newest:
            metrics.stream_aged(stream.value, max(now - newest, 0) / SECOND)
    # A snapshot that is being let go of meanwhile is not the newest.
    newest_cut = max(files.cuts(decisions.bundle.plan.plan_hash), default=0)
    metrics.snapshot_behind(log.end() - newest_cut)

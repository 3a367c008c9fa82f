"""How stale what is known is: by stream, and by what a start would have to fold."""

from __future__ import annotations

import re
import threading

import pytest

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.home import Paths
from crivo.bootstrap.staleness import keep_measured
from crivo.domain.instant import HOUR
from tests.e2e.homes import settings_of
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_hold_ends import rejection, settle

pytestmark = pytest.mark.slow


def measured(played, home) -> dict[str, float]:
    """What one look tells, by stream; under `snapshot` how many events came since the newest."""
    settle(played)
    metrics, stop = Metrics(), threading.Event()
    stop.set()
    keep_measured(settings_of(home), played.service, metrics, stop)
    text = metrics.render().decode()
    ages = re.findall(r'^crivo_stream_age_seconds{stream="(.*)"} (\S+)$', text, re.MULTILINE)
    lag = re.findall(r"^crivo_snapshot_lag_events (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in [*ages, ("snapshot", lag[0])]}


def test_a_stream_ages_by_the_logs_clock_and_a_snapshot_by_events(tmp_path):
    with world(tmp_path) as played:
        played.decide(transfer(1)).result(60)
        played.service.append(rejection(1), (), lambda _failure: None)
        assert measured(played, tmp_path) == {
            "pix.decisions.v1": 1,
            "pix.settlements.v1": 0,
            "snapshot": 2,
        }
        played.decide(transfer(2, occurred_at=START + HOUR)).result(60)
        assert measured(played, tmp_path) == {
            "pix.decisions.v1": 0,
            "pix.settlements.v1": 3_599,
            "snapshot": 3,
        }
        kept = played.service.replica.snapshot("world")
        SnapshotFiles(Paths(tmp_path).snapshots).keep(kept)
        assert measured(played, tmp_path)["snapshot"] == 0
        played.decide(transfer(3, occurred_at=START + HOUR)).result(60)
        assert measured(played, tmp_path)["snapshot"] == 1

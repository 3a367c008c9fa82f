"""When a worker keeps a snapshot: after so many events, or so long, whether or not some come."""

from __future__ import annotations

import json
import logging

import pytest

from crivo.adapters.snapshot_files.store import SnapshotFiles
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap import worker
from crivo.flows.ports import Snapshot
from crivo.settings import load_settings


class Answering:
    """State that has folded so much."""

    plan_hash = "plan"

    def __init__(self, folded):
        self.folded = folded

    def snapshot(self):
        return self.folded


class Files:
    """Notes what is kept."""

    def __init__(self):
        self.found = []

    def keep(self, snapshot):
        self.found.append(snapshot)

    def cuts(self, _plan):
        return sorted(self.found, reverse=True)


@pytest.fixture
def now(monkeypatch):
    """A clock that is moved by hand."""
    clock = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    return clock


def test_a_worker_keeps_a_snapshot_after_so_many_events_or_so_long(tmp_path, now):
    """Law: who is killed lacks no more than that of what brokers may let go of."""
    files = Files()
    settings = load_settings(
        {}, home=tmp_path, snapshots__every_events=100, snapshots__every_seconds=60.0
    )
    keeper = worker._Keeper(settings, files, pytest.fail)
    for folded, seconds, kept in (
        (10, 0, []),
        (10, 61, []),
        (11, 61, [11]),
        (50, 100, [11]),
        (50, 122, [11, 50]),
        (149, 123, [11, 50]),
        (150, 124, [11, 50, 150]),
        (150, 999, [11, 50, 150]),
    ):
        now[0] = seconds
        keeper.between_turns(Answering(folded))
        assert files.found == kept
    keeper.at_end(Answering(150))
    assert files.found == [11, 50, 150]


def test_where_none_are_wanted_none_are_kept(tmp_path, now):
    files = Files()
    settings = load_settings(
        {}, home=tmp_path, snapshots__enabled=False, snapshots__every_seconds=1.0
    )
    keeper = worker._Keeper(settings, files, pytest.fail)
    keeper.between_turns(Answering(1))
    now[0] = 9.0
    keeper.between_turns(Answering(2))
    keeper.at_end(Answering(3))
    assert files.found == []


class Lasting(Answering):
    """State of which there are snapshots as a worker has them."""

    def snapshot(self):
        return Snapshot(self.plan_hash, "log", self.folded, 0, {})


def test_a_snapshot_that_cannot_be_written_is_warned_of_and_counted_and_the_next_one_is_kept(
    tmp_path, now, caplog
):
    """Law: a worker decides on where its folder takes nothing, and tries again when it is due."""
    folder = tmp_path / "snapshots"
    folder.write_text("no folder")
    files, metrics = SnapshotFiles(folder), Metrics()
    settings = load_settings({}, home=tmp_path, snapshots__every_events=100)
    keeper = worker._Keeper(settings, files, metrics.snapshot_failed)
    with caplog.at_level(logging.WARNING, "crivo.snapshots"):
        for folded in (0, 100, 150, 200):
            keeper.between_turns(Lasting(folded))
        keeper.at_end(Lasting(250))
    warned = [each for each in caplog.records if each.message == "snapshot.failed"]
    assert ["FILE_UNWRITABLE" in json.dumps(each.facts) for each in warned] == [True] * 3
    assert "crivo_snapshot_failures_total 3.0" in metrics.render().decode().splitlines()
    folder.unlink()
    keeper.between_turns(Lasting(350))
    assert files.cuts(Lasting.plan_hash) == [350]
    assert "crivo_snapshot_failures_total 3.0" in metrics.render().decode().splitlines()

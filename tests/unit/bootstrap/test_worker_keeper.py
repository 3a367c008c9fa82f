"""When a worker keeps a snapshot: after so many events, or so long, whether or not some come."""

from __future__ import annotations

import pytest

from crivo.bootstrap import worker
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
    keeper = worker._Keeper(settings, files)
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
    keeper = worker._Keeper(settings, files)
    keeper.between_turns(Answering(1))
    now[0] = 9.0
    keeper.between_turns(Answering(2))
    keeper.at_end(Answering(3))
    assert files.found == []

"""Both ways of Spark's come to what one task comes to, and a way that does not is no figure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import spark_ways
from benchmarks.harness import Setting
from crivo.bootstrap.service import champion_bundle
from tests.e2e.homes import settings_of
from tests.integration.workers import make_decided_home, waiting_of

SETTING = Setting(quick=True, machine="a machine", date="2026-01-02")
#: Seconds of 1,000 events.
TOOK = spark_ways.Took(
    read=0.01,
    fold=0.02,
    decide=0.06,
    halves=(0.045, 0.04),
    shards=(0.012, 0.01),
    shuffle=0.008,
    vectors=0.03,
    shuffled_bytes=2_000_000,
)


@pytest.fixture(scope="module")
def bundle_and_log(tmp_path_factory):
    """A champion, and a log of transfers that wait, some late, with reports."""
    home = make_decided_home(tmp_path_factory.mktemp("home"), 150)
    return champion_bundle(settings_of(home)), spark_ways.stored_events(waiting_of(home))


def test_two_tasks_of_either_way_come_to_what_one_task_comes_to(bundle_and_log):
    took = spark_ways.took(*bundle_and_log)
    assert len(took.halves) == len(took.shards) == spark_ways.TASKS
    assert min(took.read, took.fold, took.decide, *took.halves, *took.shards, took.shuffle) > 0
    assert took.shuffled_bytes > 0


def test_sabotage_tasks_that_decide_only_half_or_shards_that_lose_a_value_are_no_figure(
    bundle_and_log, monkeypatch
):
    monkeypatch.setattr(spark_ways, "_is_of", lambda _task, stored: stored.partition == 1)
    with pytest.raises(RuntimeError, match="two tasks"):
        spark_ways.took(*bundle_and_log)
    monkeypatch.undo()
    whole = spark_ways.join

    def lossy(*parts):
        vectors, flags = whole(*parts)
        vectors[0, 0] = -1.0
        return vectors, flags

    monkeypatch.setattr(spark_ways, "join", lossy)
    with pytest.raises(RuntimeError, match="shards"):
        spark_ways.took(*bundle_and_log)


def test_the_busier_task_is_what_a_way_takes():
    rows = {row.what: row for row in spark_ways.rows_of(SETTING, [TOOK], events=1_000)}
    one, way_a, way_b = list(rows.values())[:3]
    assert one.found == pytest.approx(70)
    assert (way_a.found, way_a.peer) == (pytest.approx(55), one.found)
    assert (way_b.found, way_b.peer) == (pytest.approx(24 + 12), way_a.found)
    slower = replace(TOOK, shards=(0.012, 0.02))
    again = {row.what: row for row in spark_ways.rows_of(SETTING, [slower], events=1_000)}
    assert again[way_b.what].found == pytest.approx(24 + 20)

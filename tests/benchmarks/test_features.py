"""What the benchmark of features measures is what it says: every kind told, every feature alive."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import features
from benchmarks.harness import Setting
from benchmarks.load import peers
from benchmarks.load.rows import event_rows
from benchmarks.load.told import TOLD_SHARE, told_stream
from crivo.features.engine import Engine
from crivo.features.row import RowKind
from tests.parity.judging import PLAN

SETTING = Setting(quick=True, machine="here", date="2026-01-01")


def constant(rows) -> list[str]:
    """The features that have one value, or none, over all transfers of a stream."""
    vectors, _ = Engine(PLAN).vectors(rows, rows["kind"] == RowKind.TRANSFER)
    least, most = np.fmin.reduce(vectors), np.fmax.reduce(vectors)
    return [PLAN.names[place] for place in np.flatnonzero(~(least < most))]


@pytest.mark.slow
def test_the_stream_with_told_events_leaves_no_feature_without_something_to_read():
    rows = told_stream(60_000, seed=1)
    assert set(rows["kind"].tolist()) == {kind.value for kind in RowKind}
    assert abs((rows["kind"] > RowKind.REPORT).mean() - TOLD_SHARE) < 0.01
    # These take reports of the days before, or two who paid each other: the day is too short.
    seldom = ("exposure", "pair_reversed")
    assert [name for name in constant(rows) if not any(each in name for each in seldom)] == []


def test_sabotage_the_stream_without_them_leaves_a_third_idle():
    assert len(constant(event_rows(20_000, seed=1))) > len(PLAN.names) / 4


@pytest.mark.slow
def test_a_peer_that_is_not_there_does_not_hold(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    rows = [row for row in features.windowed(SETTING) if "not run" in row.what]
    assert len(rows) == len(peers.NAMES)
    assert {(row.found, row.holds, row.runs) for row in rows} == {(None, None, 0)}

"""What the benchmark of features measures is what it says: every kind told, every feature alive."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import features
from benchmarks.harness import Setting
from benchmarks.load import peers
from benchmarks.load.rows import event_rows
from benchmarks.load.told import TOLD_SHARE, told_stream
from benchmarks.load.windowed import INSTITUTIONS, hard_stream, uniform_stream
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


#: The ids of a row by their words.
IDS = {
    "payer": ("payer_0", "payer_1"),
    "payee": ("payee_0", "payee_1"),
    "device": ("device_0", "device_1"),
    "key": ("payee_key_0", "payee_key_1"),
    "person": ("payee_person_0", "payee_person_1"),
    "payer's institution": ("payer_ispb",),
    "payee's institution": ("payee_ispb",),
}


@pytest.mark.parametrize("stream", [uniform_stream, hard_stream])
def test_no_id_is_in_every_row_of_the_streams_that_are_compared(stream):
    rows = stream(20_000, seed=1)
    for name, words in IDS.items():
        found = np.stack([rows[word].astype(np.uint64) for word in words])
        assert (found != 0).any(axis=0).all(), name
        _ids, counts = np.unique(found, axis=1, return_counts=True)
        # Zipf's busiest of 50,000 has some 13 %; his institution has others too.
        assert counts.max() < 0.2 * len(rows), name
        assert len(counts) == INSTITUTIONS if "institution" in name else len(counts) > 1_000, name
    devices = np.unique(rows[["payer_0", "device_0"]])
    assert len(devices) == len(np.unique(rows["payer_0"])) == len(np.unique(rows["device_0"]))


@pytest.mark.slow
def test_a_peer_that_is_not_there_does_not_hold(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    rows = [row for row in features.windowed(SETTING) if "not run" in row.what]
    assert len(rows) == len(peers.NAMES)
    assert {(row.found, row.holds, row.runs) for row in rows} == {(None, None, 0)}

"""The rows of the spine hold only where what they promise was found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import harness, spine
from benchmarks.load import service

SETTING = harness.Setting(quick=True, machine="a machine", date="2026-01-02")


@pytest.mark.parametrize("differing", [0, 1])
def test_one_decision_that_differs_is_one_too_many(monkeypatch, differing):
    said = json.dumps({"compared": 1_000, "differing": differing})
    monkeypatch.setattr(service, "crivo", lambda *_: said)
    rows = {row.what: row for row in spine.replay(SETTING, Path("home"))}
    row = rows["replay, decisions that differ"]
    assert (row.found, row.holds) == (differing, differing == 0)

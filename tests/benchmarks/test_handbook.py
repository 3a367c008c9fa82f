"""The other generator, beside which the simulator is measured, does what its text says."""

from __future__ import annotations

import pytest

from benchmarks import harness, simulator
from benchmarks.load import peers
from benchmarks.load.handbook import handbook_rows

pytestmark = pytest.mark.slow


def test_the_handbooks_rows_are_about_as_many_as_asked_in_time_order_and_some_are_frauds():
    rows = handbook_rows(20_000, seed=1)
    assert 15_000 < len(rows) < 24_000
    assert rows == sorted(rows, key=lambda row: row[:3])
    assert rows == handbook_rows(20_000, seed=1)
    assert 0 < sum(row[4] for row in rows) < len(rows) / 10


@pytest.mark.parametrize(
    ("said", "named", "peer"),
    [
        ("not installed: make peers", "pandas not installed: make peers", None),
        ({"version": "2.3", "transactions": 100, "seconds": 4.0}, "pandas 2.3", 25.0),
    ],
)
def test_the_generator_as_published_stands_beside_or_is_said_not_to_be_here(
    monkeypatch, said, named, peer
):
    monkeypatch.setattr(peers, "said", lambda _: said)
    setting = harness.Setting(quick=True, machine="a machine", date="2026-01-02")
    rows = list(simulator.rates(setting))
    assert [row.peer for row in rows if named in row.what] == [peer]
    assert any("in lists" in row.what and row.peer for row in rows)

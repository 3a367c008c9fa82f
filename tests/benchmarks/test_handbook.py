"""The other generator, beside which the simulator is measured, does what its text says."""

from __future__ import annotations

from benchmarks.load.handbook import handbook_rows


def test_the_handbooks_rows_are_about_as_many_as_asked_in_time_order_and_some_are_frauds():
    rows = handbook_rows(20_000, seed=1)
    assert 15_000 < len(rows) < 24_000
    assert rows == sorted(rows, key=lambda row: row[:3])
    assert rows == handbook_rows(20_000, seed=1)
    assert 0 < sum(row[4] for row in rows) < len(rows) / 10

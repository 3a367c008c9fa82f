"""A demo plays the day on which most happens, and the day after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.cli import demo_source
from crivo.domain.instant import DAY, parse_rfc3339
from crivo.model.split import Cuts

pytestmark = pytest.mark.slow


def test_the_played_days_are_the_busiest_of_the_last_week_and_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_source, "WORLD_DAYS", 12)
    source = demo_source.simulated_source(tmp_path, seed=7, small=True)
    assert source.play_to - source.play_from == 2 * DAY
    first = [row for row in source.played() if row.occurred_at < source.play_from + DAY]
    frauds = sum(row.is_fraud for row in first)
    assert f"({frauds})" in source.why and frauds > 0
    begin = parse_rfc3339(f"{demo_source.START}T03:00:00Z")
    # Whole weeks of the first five teach; the text is made of the same number.
    assert source.cuts == Cuts(begin + 3 * 7 * DAY, begin + 5 * 7 * DAY)
    assert "the first 5 weeks" in source.learnt_text
    last_week = range(begin + 5 * DAY, begin + 11 * DAY, DAY)
    assert source.play_from in last_week
    for start in last_week:
        other = replace(source, play_from=start, play_to=start + DAY)
        assert sum(row.is_fraud for row in other.played()) <= frauds

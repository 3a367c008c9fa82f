"""A demo plays the day on which most happens, and the day after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.adapters.files.reader import FileReader
from crivo.cli import demo_source
from crivo.domain.instant import DAY, HOUR, format_rfc3339, parse_rfc3339
from crivo.flows.ingest import played_rows
from crivo.model.split import Cuts
from tests.integration.imports import MAPPING, START, write_csv

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


def test_the_reports_of_the_two_weeks_after_the_play_are_played_about_what_the_log_knows(tmp_path):
    # In this table a report comes seven days after its transfer. Days 20 and 21 are played.
    frauds = {
        10: START + 10 * DAY,  # reported before the play
        14: START + 14 * DAY,  # reported while it plays
        15: START + 15 * DAY + HOUR,
        21: START + 21 * DAY,  # played itself
        23: START + 23 * DAY,  # never told to the log
    }
    rows = [
        f"{number},{format_rfc3339(time)},p{number},q,10.00,1" for number, time in frauds.items()
    ]
    path = write_csv(tmp_path / "t.csv", rows)
    table = FileReader(path).read(MAPPING.columns())
    source = demo_source.Source(path, MAPPING, table, START + 20 * DAY, START + 22 * DAY)
    known = played_rows(table, MAPPING, START, START + 30 * DAY)
    ids = {(row.occurred_at - START) // DAY: row.end_to_end_id for row in known}
    played = [(step.path, step.end_to_end_id) for step in source.steps()]
    assert played == [("/v1/decisions", ids[21]), ("/v1/reports", ids[14])]
    assert [step.end_to_end_id for step in source.later_reports()] == [ids[15], ids[21]]
    assert all(step.path == "/v1/reports" for step in source.later_reports())
    # The clock is moved on for as long as its reports come in: an hour and six days.
    assert demo_source.RIPEN_DAYS == source.ripen_days == 14
    some = replace(source, ripen_days=6)
    assert [step.end_to_end_id for step in some.later_reports()] == [ids[15]]
    longer = replace(source, play_to=START + 24 * DAY, ripen_days=5)
    assert [step.end_to_end_id for step in longer.later_reports()] == [ids[21]]

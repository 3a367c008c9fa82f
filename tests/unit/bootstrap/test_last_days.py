"""Without a stretch to play, a demo plays the last days of a table, where the table was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.bootstrap.offline import days_up_to
from crivo.domain.instant import parse_rfc3339
from crivo.flows.mapping import parse_mapping

HANDBOOK = Path(__file__).resolve().parents[3] / "mappings" / "handbook.toml"


@pytest.mark.parametrize(
    ("zone", "newest", "days", "begun", "ended"),
    [
        ("UTC", "2026-09-29T23:58:00Z", 1, "2026-09-29T00:00:00Z", "2026-09-30T00:00:00Z"),
        ("-03:00", "2026-09-30T02:58:00Z", 1, "2026-09-29T03:00:00Z", "2026-09-30T03:00:00Z"),
        ("-03:00", "2026-09-30T03:00:00Z", 2, "2026-09-29T03:00:00Z", "2026-10-01T03:00:00Z"),
        # A day of 25 hours: clocks went back.
        (
            "Europe/Lisbon",
            "2026-10-25T12:00:00Z",
            1,
            "2026-10-24T23:00:00Z",
            "2026-10-26T00:00:00Z",
        ),
    ],
)
def test_the_last_days_of_a_table_are_those_of_its_zone(zone, newest, days, begun, ended):
    text = HANDBOOK.read_text(encoding="utf-8").replace('zone = "UTC"', f'zone = "{zone}"')
    mapping = parse_mapping(text, name="a bank's")
    found = days_up_to(parse_rfc3339(newest), days, zone=mapping.zone)
    assert found == (parse_rfc3339(begun), parse_rfc3339(ended))

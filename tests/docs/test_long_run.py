"""The table of the long run is what the reports say, and names what they lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from scripts.long_run import ROWS, table

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "acceptance.md"


def report(seed: int, *, found: float, verdict: str = "holds") -> dict[str, Any]:
    checks = [
        {
            "number": number,
            "verdict": verdict,
            "findings": [{"part": part, "found": found, "standard_error": 0.25}],
        }
        for number, part, *_ in ROWS
    ]
    return {"options": {"seed": seed}, "checks": checks}


def test_a_column_is_a_seed_and_a_row_a_figure_with_its_error() -> None:
    lines = table([report(1, found=1234.5), report(2, found=2.0, verdict="fails")]).split("\n")
    assert lines[0] == "| figure | official, allowed | seed 1 | seed 2 |"
    assert (
        lines[4] == "| Monday's value, factor | 1.49 ± 0.08 | 1,234.500 (0.250) | 2.000 (0.250) |"
    )
    assert lines[-2:] == [
        f"seed 1: {len(ROWS)} of {len(ROWS)} checks hold",
        f"seed 2: 0 of {len(ROWS)} checks hold",
    ]


def test_sabotage_a_report_without_a_figure_makes_no_table() -> None:
    lacking = report(1, found=1.0)
    lacking["checks"].pop()
    with pytest.raises(KeyError):
        table([lacking])


def test_the_page_shows_these_rows_and_no_others() -> None:
    shown = [line for line in PAGE.read_text(encoding="utf-8").split("\n") if " (0." in line]
    wanted = [f"| {name} | {official} |" for _, _, name, official, _ in ROWS]
    rows = [line for line in shown if line.startswith("| ")]
    assert len([line for line in rows if any(line.startswith(w) for w in wanted)]) == len(rows)
    for want in wanted:
        assert sum(line.startswith(want) for line in PAGE.read_text("utf-8").split("\n")) == 1

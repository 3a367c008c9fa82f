"""The table of deciding sizes is what the reports' errors say, and the page has a row a check.

The figures on the page are measured once: nothing here compares them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from crivo.simulator.acceptance.finding import default_checks
from scripts.deciding_sizes import table

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "acceptance.md"


def finding(
    part: str, error: float | None, half: float = 1.0, sample: int | None = None
) -> dict[str, Any]:
    return {
        "part": part,
        "unit": "%",
        "target": 10.0,
        "low": 10.0 - half,
        "high": 10.0 + half,
        "found": 10.0,
        "standard_error": error,
        "sample": sample,
    }


def report(
    transfers: int, *findings: dict[str, Any], sample_unit: str = "transfers"
) -> dict[str, Any]:
    checks = [
        {
            "number": 1,
            "name": "A check",
            "sample_unit": sample_unit,
            "findings": list(findings),
        }
    ]
    return {"transfers": transfers, "checks": checks}


def test_a_cell_is_the_part_that_needs_most_and_how_many() -> None:
    small = report(1_000, finding("a", 0.5), finding("b", 1.0), finding("rule", 0.0, half=0.0))
    large = report(100_000, finding("a", 0.1), finding("b", 0.0), finding("rule", 0.0, half=0.0))
    assert table([small, large]).split("\n") == [
        "| check | from 1,000 | from 100,000 |",
        "|---|---|---|",
        "| 1. A check | 9,000 (b) | 9,000 (a) |",
    ]


def test_what_has_no_error_and_what_needs_none_are_told_apart() -> None:
    (row,) = table([report(1_000, finding("a", None), finding("b", 0.1))]).split("\n")[2:]
    assert row == "| 1. A check | cannot be reckoned (a) |"
    (row,) = table([report(1_000, finding("rule", 0.0, half=0.0))]).split("\n")[2:]
    assert row == "| 1. A check | any |"


def test_a_check_that_counts_keys_says_how_many_keys() -> None:
    one = report(1_000, finding("evp", 0.5, sample=400), sample_unit="keys")
    (row,) = table([one]).split("\n")[2:]
    assert row == "| 1. A check | 900 keys (evp) |"


def test_the_page_holds_a_row_of_each_check() -> None:
    section = (
        PAGE.read_text("utf-8").partition("## What a size can decide")[2].partition("\n## ")[0]
    )
    rows = [line for line in section.split("\n") if line.startswith("| ")]
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]]
    assert names == [f"{check.number}. {check.name}" for check in default_checks()]

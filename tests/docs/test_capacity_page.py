"""The page on machines says what the record of the reckoning says, and nothing else."""

from __future__ import annotations

import re

import pytest

from scripts import capacity_page


def page() -> str:
    return capacity_page.PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_record():
    assert capacity_page.with_tables(page()) == page(), "run python -m scripts.capacity_page"


def test_each_row_of_the_record_is_on_the_page():
    found = capacity_page.record()
    tables = [table(found) for table in (capacity_page.terms, capacity_page.skew)]
    rows = sum(table.count("\n") - 2 for table in tables)
    shown = rows + capacity_page.skew(found).count("\n") - 2
    cells = 4 * (capacity_page.needs(found).count("\n") - 2)
    assert shown + cells == len(found)


@pytest.mark.parametrize("pattern", [r"[\d.]+ µs of", r"\| 1\.\d+ \|", r"\| no number of them \|"])
def test_sabotage_another_figure_on_the_page_is_noticed(pattern):
    bent = re.sub(pattern, "| 9 |", page(), count=1)
    assert bent != page()
    assert capacity_page.with_tables(bent) != bent

"""The page on machines says what the record of the reckoning says, and nothing else."""

from __future__ import annotations

import re

import pytest

from scripts import capacity_page


def page() -> str:
    return capacity_page.PAGE.read_text(encoding="utf-8")


def test_its_tables_and_sentences_are_those_of_the_record():
    assert capacity_page.with_record(page()) == page(), "run python -m scripts.capacity_page"


def test_each_row_of_the_record_is_on_the_page():
    found = capacity_page.record()
    tables = [table(found) for table in (capacity_page.terms, capacity_page.skew)]
    rows = sum(table.count("\n") - 2 for table in tables)
    shown = rows + capacity_page.skew(found).count("\n") - 2
    cells = 4 * (capacity_page.needs(found).count("\n") - 2)
    assert shown + cells == len(found)


@pytest.mark.parametrize(
    "pattern",
    [
        r"[\d.]+ µs of",
        r"\| 1\.\d+ \|",
        r"\| no number of them \|",
        r"takes \d+ cores?",
        r"takes \d+ machines",
        r"holds \d+ GiB",
        r"the median of \d+ runs",
        r"the load was [\d.]+ before",
        r"\(\d{4}-\d\d-\d\d, ",
    ],
)
def test_sabotage_another_figure_on_the_page_is_noticed(pattern):
    bent = re.sub(pattern, "| 9 |", page(), count=1)
    assert bent != page()
    assert capacity_page.with_record(bent) != bent


def test_no_sentence_of_its_own_names_a_figure_of_the_record():
    """Outside the marks there are assumptions and sources alone."""
    own = [part.split(capacity_page.END)[-1] for part in page().split(capacity_page.BEGIN)]
    written = re.compile(r"\b(takes|decides|holds) [\w.,]+ (cores?|machines|GiB|µs|bytes)\b")
    assert [found[0] for text in own for found in written.finditer(text)] == []
    # Sabotage: the sentence that said five where the table said two would be noticed.
    assert written.search("Deciding 8,000 transfers a second takes five cores, even")

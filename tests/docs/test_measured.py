"""A page that tells how fast or how large something was says when, where, and by which command."""

from __future__ import annotations

import re

import pytest

from tests.docs import markdown
from tests.docs.markdown import ROOT
from tests.docs.test_pages import missing_commands

#: A rate or a duration that nobody knows without measuring.
RATE = r"\d[\d,.]* (?:k |million )?(?:\w+/s\b|(?:\w+\s){0,2}(?:a|per)\ssecond\b|µs\b"
#: So are milliseconds and sizes, but for pages of reference, where they are limits.
MEASURED = re.compile(rf"{RATE}|ms\b|[MG]i?B\b)")
MEASURED_IN_REFERENCE = re.compile(rf"{RATE})")
DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b|\b\d{1,2} [A-Z][a-z]+ 20\d\d\b")
MACHINE = re.compile(r"\b(?:EPYC|Xeon|cores?)\b")
#: A command of this repository that prints something: none that only sets up or builds.
PRINTS = re.compile(r"python -m (?:benchmarks|scripts|tests)|crivo (?!serve|keys)")

PAGES = sorted(
    path
    for kind in ("explanation", "how-to", "tutorial")
    for path in (ROOT / "docs" / kind).glob("*.md")
)
#: But for the record itself, in which each figure is a row, and the contract, which sets targets.
REFERENCE = sorted(
    path
    for path in (ROOT / "docs" / "reference").glob("*.md")
    if path.name not in {"figures.md", "contract.md"}
)


def lacking(text: str, measured: re.Pattern[str] = MEASURED) -> list[str]:
    """What a page with measured figures does not say of them."""
    if not measured.search(text):
        return []
    found = {
        "the day": DAY.search(text),
        "the machine": MACHINE.search(text),
        "the command": PRINTS.search("\n".join([*markdown.commands(text), *markdown.spans(text)])),
    }
    return [what for what, there in found.items() if there is None]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_measured_figure_has_its_day_its_machine_and_its_command(page):
    text = page.read_text(encoding="utf-8")
    assert lacking(text) == []
    assert list(missing_commands(text)) == []


@pytest.mark.parametrize("page", REFERENCE, ids=lambda path: path.stem)
def test_a_rate_in_a_page_of_reference_has_them_too(page):
    assert lacking(page.read_text(encoding="utf-8"), MEASURED_IN_REFERENCE) == []


def test_there_are_pages_with_figures():
    assert sum(MEASURED.search(page.read_text(encoding="utf-8")) is not None for page in PAGES) > 4


WHOLE = "`python -m benchmarks spine`, two cores, 2026-11-27: 17,000 transfers a second."


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("2026-11-27", "the day"),
        ("two cores", "the machine"),
        ("`python -m benchmarks spine`", "the command"),
    ],
)
def test_sabotage_a_figure_without_one_of_the_three_is_noticed(part, what):
    assert lacking(WHOLE) == []
    assert lacking(WHOLE.replace(part, "")) == [what]


@pytest.mark.parametrize(
    "claim",
    [
        *("120,000 transfers/s", "5,000 rows/s", "3 decisions per second", "3 a second"),
        *("2 million events a second", "2 GB/s", "8 µs"),
    ],
)
@pytest.mark.parametrize("measured", [MEASURED, MEASURED_IN_REFERENCE])
def test_sabotage_a_rate_alone_is_noticed(claim, measured):
    assert lacking(f"It does {claim} here.", measured) == ["the day", "the machine", "the command"]


@pytest.mark.parametrize("claim", ["3 ms", "2 GB", "850 MB", "12 MiB"])
def test_sabotage_a_duration_or_a_size_alone_is_noticed_where_it_is_no_limit(claim):
    text = f"It takes {claim} here."
    assert lacking(text) == ["the day", "the machine", "the command"]
    assert lacking(text, MEASURED_IN_REFERENCE) == []

"""What README and the page of figures say was measured: each figure is a row of the record."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from datetime import date

import pytest

from benchmarks.harness import BESIDE_TABLE, COLUMNS, Bound, names
from tests.docs import markdown
from tests.docs.test_pages import missing_commands

SPEC = importlib.util.spec_from_file_location("figures", markdown.ROOT / "scripts" / "figures.py")
assert SPEC is not None and SPEC.loader is not None
figures = importlib.util.module_from_spec(SPEC)
sys.modules["figures"] = figures
SPEC.loader.exec_module(figures)

#: A number with a unit of a measurement, in English or Portuguese.
MEASURED = re.compile(
    r"""\d[\d.,]*[\s-]?(?:(?:k|million|mil|milh(?:ão|ões))\s)?
    (?:%|(?:per\ cent|por\ cento|µs|ms|s|min|h|[kMGT]i?B)(?![\w/])|\S+/s(?!\w)
    |(?:[a-z]*sec|[a-z]*segundo|minut[eo]|hour|hora)\w*
    |(?:\S+\s){0,2}(?:a|per|por)\s(?:second|minute|segundo|minuto))""",
    re.VERBOSE,
)


def without_figures(text: str) -> str:
    """A README without what is made of the record: the table, and the targets that are missed."""
    for begin, end in (
        (figures.BEGIN, figures.END),
        (figures.MISSED_BEGIN, figures.MISSED_END),
    ):
        text = text.split(begin, maxsplit=1)[0] + text.split(end)[1]
    return text


@pytest.mark.parametrize("language", list(figures.READMES))
def test_the_table_of_a_readme_is_that_of_the_record(language):
    text = figures.READMES[language].read_text(encoding="utf-8")
    assert figures.with_figures(text, language) == text


@pytest.mark.parametrize("language", list(figures.READMES))
def test_the_limits_of_a_readme_name_what_deciding_misses_at_its_rate_and_in_batches(language):
    said = figures.missed(language)
    assert said in figures.READMES[language].read_text(encoding="utf-8")
    shown = figures.limits()
    assert any("3,000/s" in each.what for each in shown)
    assert any(":batch" in each.what for each in shown)
    for each in shown:
        row, words = figures.find(each).row, each.en if language == "en" else each.pt
        assert (words in said) is not row["holds"]


def test_sabotage_another_figure_in_the_limits_is_noticed():
    text = figures.READMES["en"].read_text(encoding="utf-8")
    before, made = text.split(figures.MISSED_BEGIN)
    bent = before + figures.MISSED_BEGIN + re.sub(r": [\d,]+", ": 9", made, count=1)
    assert bent != text
    assert figures.with_figures(bent, "en") == text


def test_the_sign_of_a_target_is_what_the_benchmark_asked_for():
    row = {"unit": "share", "target": 1.0, "found": 1.0, "holds": True}
    assert figures._target({**row, "bound": "at least"}, "en") == "≥ 1 share"
    assert figures._target({**row, "bound": "at most"}, "en") == "≤ 1 share"
    assert figures._target({**row, "found": 2.0}, "en") == "≥ 1 share", "an older row"


def test_the_page_of_figures_is_that_of_the_record():
    assert figures.PAGE.read_text(encoding="utf-8") == figures.page()


@pytest.mark.parametrize("language", list(figures.READMES))
def test_a_readme_states_no_measurement_outside_its_table(language):
    text = figures.READMES[language].read_text(encoding="utf-8")
    assert MEASURED.findall(without_figures(text)) == []


TUTORIAL = sorted((markdown.ROOT / "docs" / "tutorial").glob("*.md"))


@pytest.mark.parametrize("page", TUTORIAL, ids=lambda path: path.stem)
def test_a_page_of_the_tutorial_states_no_measurement(page):
    assert MEASURED.findall(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "claim",
    [
        *("in 3 ms", "em 2,5 s", "some 850 MB", "9.000 decisões/s", "120,000 transfers/s"),
        *("5,000 rows/s", "3 decisions per second", "3 decisões por segundo", "3 seconds"),
        *("2 million events a second", "3 minutos", "precision 99 %", "99% of it", "2 GB/s"),
        *("a 10-minute run", "3 milliseconds", "80 per cent"),
    ],
)
def test_sabotage_a_measurement_in_the_prose_is_noticed(claim):
    assert len(MEASURED.findall(f"It decides {claim} here.")) == 1


@pytest.mark.parametrize("path", sorted(figures.FOLDER.iterdir()), ids=lambda path: path.name)
def test_a_file_of_the_record_holds_rows_of_a_benchmark_or_of_a_command(path):
    assert path.suffix == ".json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert rows
    by_hand = path.stem == figures.BY_HAND
    assert by_hand or path.stem in names()
    for row in rows:
        # Older rows do not say which side of their target is good, nor what they were taken in.
        assert set(row) - BESIDE_TABLE == {*COLUMNS, *(["command"] if by_hand else [])}, row["what"]
        assert (row.get("bound") is None) or row["bound"] in set(Bound), row["what"]
        assert row["machine"]
        assert date.fromisoformat(row["date"]) >= date(2026, 1, 1)
        assert (row["found"] is None) == (row["runs"] == 0), row["what"]
        assert list(missing_commands(f"`{row.get('command', 'make check')}`")) == []


def test_a_row_that_misses_its_target_says_so():
    for each in figures.figures():
        row = each.row
        if row["found"] is None or row["target"] is None:
            continue
        if row.get("bound") is not None:
            is_low, is_high = row["found"] <= row["target"], row["found"] >= row["target"]
            assert row["holds"] is (is_low if row["bound"] == Bound.AT_MOST else is_high)
            continue
        is_near = row["found"] <= row["target"]
        # One of the two directions must agree with `holds`, and a figure on the target holds.
        assert row["holds"] in {is_near, not is_near}
        assert row["holds"] or row["found"] != row["target"], row["what"]


def test_sabotage_another_figure_in_a_table_is_noticed():
    text = figures.READMES["en"].read_text(encoding="utf-8")
    found = re.search(r"\| [\d.]+ ms", text.split(figures.BEGIN)[1])
    assert found is not None
    bent = text.replace(found[0], "| 0.1 ms", 1)
    assert bent != text
    assert figures.with_figures(bent, "en") != bent


def test_sabotage_a_row_that_was_never_measured_cannot_be_shown():
    with pytest.raises(LookupError, match="0 rows"):
        figures.find(figures.Shown("spine", "a figure of nobody", "x", "x"))


def test_numbers_are_written_as_each_language_does():
    assert [figures.number(value, "en") for value in (12.655, 764_146.4, 0.0, 85)] == [
        "12.7",
        "764,146",
        "0",
        "85",
    ]
    assert figures.number(764_146.4, "pt") == "764.146"
    assert figures.number(12.655, "pt") == "12,7"


def test_a_figure_of_the_demo_is_not_called_one_of_the_books_protocol():
    """`crivo demo` learns from all months before its week; the book's folds from seven days."""
    words = [each.row["what"] for each in figures.figures() if "crivo demo" in each.command]
    assert words
    shown = [each for each in figures.SHOWN if "crivo demo" in figures.find(each).command]
    words += [text for each in shown for text in (each.en, each.pt)]
    for text in words:
        assert not re.search("protocol", text), text
        assert re.search("four months of training|quatro meses de treino", text), text

"""A table of one's own that cannot be played is refused before anything is removed for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crivo.cli import demo
from crivo.cli.demo_source import own_source
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, HOUR, format_rfc3339
from tests.integration.imports import HEADER, MAPPING_TEXT, START
from tests.unit.cli.test_demo_check import OPTIONS

PLAY = '[play]\nfrom = "{}"\ndays = 3\n'


def four_days(payer: str = "João", *, amount: str = "10.00") -> str:
    """A table of an hour's row after the other, of a payer whose name is not written in ASCII."""
    rows = [
        f"{number},{format_rfc3339(START + number * HOUR)},{payer} {number % 5},q,{amount},0"
        for number in range(4 * 24)
    ]
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture
def files(tmp_path: Path):
    """Writes a table and a mapping."""

    def write(table: str, *, encoding: str = "utf-8", play: str = "") -> tuple[Path, Path]:
        data, mapping = tmp_path / "table.csv", tmp_path / "bank.toml"
        data.write_bytes(table.encode(encoding))
        mapping.write_text(MAPPING_TEXT + play)
        return data, mapping

    return write


def refusal(data: Path, mapping: Path, *, days: int = 0) -> Refused:
    with pytest.raises(Refused) as refused:
        own_source(data, mapping, days=days)
    assert refused.value.code is Code.DATA_TOO_SMALL
    return refused.value


def test_days_that_leave_something_before_them_are_played(files):
    data, mapping = files(four_days())
    assert own_source(data, mapping, days=0).play_from == START + 3 * DAY
    assert own_source(data, mapping, days=3).play_from == START + DAY
    files(four_days(), play=PLAY.format("2018-04-02"))
    assert own_source(data, mapping, days=0).play_from == START + DAY


@pytest.mark.parametrize("days", [4, 5, 900])
def test_days_that_cover_all_of_a_table_are_refused_with_the_option_that_asked_for_them(
    files, days
):
    refused = refusal(*files(four_days()), days=days)
    assert "lies before the played days" in refused.message
    assert "fewer --days" in refused.hint


def test_a_table_of_one_day_is_refused_where_that_day_is_played(files):
    header, *rows = four_days().splitlines()
    assert "lies before the played days" in refusal(*files("\n".join([header, *rows[:24]]))).message


def test_a_mapping_that_plays_from_the_first_day_on_is_refused_with_its_section(files):
    refused = refusal(*files(four_days(), play=PLAY.format("2018-04-01")))
    assert "lies before the played days" in refused.message
    assert "[play]" in refused.hint and "--days" not in refused.hint


def with_a_gap(label: int) -> str:
    """The table without its second and third day; the last row before may be a fraud."""
    header, *rows = four_days().splitlines()
    rows[23] = rows[23][:-1] + str(label)
    return "\n".join([header, *rows[:24], *rows[72:]]) + "\n"


def test_played_days_whose_eve_is_empty_are_refused_with_what_was_last(files):
    refused = refusal(*files(with_a_gap(0)))
    assert "lies in the day before the played ones" in refused.message
    assert refused.context["found"] == "2018-04-01T23:00:00Z"
    # Something is known on that day where a report comes in.
    data, mapping = files(with_a_gap(1))
    mapping.write_text(MAPPING_TEXT.replace("known_after_days = 7", "known_after_days = 2"))
    assert own_source(data, mapping, days=0).play_from == START + 3 * DAY


@pytest.mark.parametrize("is_played", [True, False])
def test_a_table_in_latin_1_is_told_by_its_encoding(files, is_played):
    # Either the played days hold the letter that is written otherwise, or all before them.
    header, *rows = four_days().splitlines()
    kept = slice(72, None) if is_played else slice(0, 72)
    rows[kept] = [row.replace("João", "Joao") for row in rows[kept]]
    refused = refusal(*files("\n".join([header, *rows]), encoding="latin-1"))
    assert "payer must be UTF-8" in refused.message
    assert "Save the table as UTF-8" in refused.hint


def test_a_table_whose_amounts_cannot_be_read_is_told_by_them(files):
    refused = refusal(*files(four_days(amount="ten")))
    assert "none of the 24 rows" in refused.message and '"ten"' in refused.message
    assert "UTF-8" not in refused.hint


def test_an_earlier_demo_is_still_there_when_a_table_was_refused(files, tmp_path):
    data, mapping = files(four_days())
    home = tmp_path / "demo"
    demo._fresh_home(home)
    (home / "log.sqlite").write_bytes(b"earlier")
    options = replace(OPTIONS, home=home, data=data, mapping=mapping, days=4)
    with pytest.raises(Refused):
        demo.run_demo(options)
    assert (home / "log.sqlite").read_bytes() == b"earlier"


def test_a_demo_of_ones_own_table_leaves_the_simulated_one_alone(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    demo._fresh_home(demo.DEFAULT_HOME)
    (demo.DEFAULT_HOME / "log.sqlite").write_bytes(b"earlier")
    data, mapping = files(four_days())
    monkeypatch.setattr(demo, "_ingest", ends)
    options = replace(OPTIONS, data=data, mapping=mapping, days=1)
    with pytest.raises(InterruptedError):
        demo.run_demo(options)
    assert (demo.OWN_HOME / demo.MARKER).exists()
    assert (demo.DEFAULT_HOME / "log.sqlite").read_bytes() == b"earlier"


def ends(*_: object, **__: object) -> None:
    """In place of an import."""
    raise InterruptedError

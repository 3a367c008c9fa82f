"""An import of which more is refused than is let pass says so by its exit code; the rest is in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crivo.bootstrap import training
from crivo.cli.data import check_few_refused
from crivo.domain.errors import Code, Refused, Unfit
from crivo.flows.ingest import IngestResult
from crivo.settings import load_settings
from tests.integration.commands import Said, crivo
from tests.integration.imports import HEADER, MAPPING, MAPPING_TEXT, good_rows, write_csv


@pytest.mark.parametrize(
    ("received", "quarantined", "share_max", "is_let_pass"),
    [
        (11, 10, 0.01, True),
        (11, 11, 0.01, False),
        (2_000, 20, 0.01, True),
        (2_000, 21, 0.01, False),
        (30, 11, 0.5, True),
        (30, 16, 0.5, False),
        (30, 11, 0.0, False),
        (30, 30, 1.0, True),
        (1, 1, 0.01, False),
        (10, 10, 0.01, False),
        (10, 10, 0.99, False),
        (10, 9, 0.01, True),
        (1, 1, 1.0, True),
        (0, 0, 0.0, True),
    ],
)
def test_a_share_is_let_pass_and_ten_rows_beside_others_that_came_in(
    received: int, quarantined: int, share_max: float, is_let_pass: bool
) -> None:
    result = IngestResult(received, received - quarantined, quarantined)
    settings = load_settings({}, ingest_refused_share_max=share_max)
    if is_let_pass:
        check_few_refused(result, settings)
        return
    with pytest.raises(Unfit) as unfit:
        check_few_refused(result, settings)
    assert (unfit.value.code, unfit.value.exit_code) == (Code.IMPORT_REFUSED, 1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Forty rows that are transfers, and eleven that are none."""
    bad = [f"bad{number},2018-04-02T00:00:00Z,p,q,oops,0" for number in range(11)]
    (tmp_path / "bank.toml").write_text(MAPPING_TEXT)
    return write_csv(tmp_path / "t.csv", [*good_rows(40), *bad], header=HEADER)


def taken(capsys: pytest.CaptureFixture[str], table: Path, *more: str) -> Said:
    where = ("--mapping", table.parent / "bank.toml", "--home", table.parent / "home")
    return crivo(capsys, "ingest", table, *where, "--clock", "replay", *more)


def test_the_command_answers_1_with_all_that_it_says_else_and_the_other_rows_are_in_the_log(
    capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    said = taken(capsys, table, "--json")
    facts = json.loads(said.out)
    assert said.code == 1
    assert (facts["received"], facts["accepted"], facts["quarantined"]) == (51, 40, 11)
    assert "IMPORT_REFUSED: 11 of 51 rows lie in quarantine" in said.err
    assert "CRIVO_INGEST_REFUSED_SHARE_MAX" in said.err
    again = taken(capsys, table)
    assert again.code == 1
    assert "quarantined 11 + duplicate 40" in again.out


def test_the_setting_lets_pass_what_it_names(
    capsys: pytest.CaptureFixture[str], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRIVO_INGEST_REFUSED_SHARE_MAX", "0.3")
    said = taken(capsys, table)
    assert (said.code, said.err.count("IMPORT_REFUSED")) == (0, 0), said.err


def test_an_import_of_which_nothing_came_in_answers_1_and_one_whose_rows_are_known_does_not(
    capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path
) -> None:
    home = ("--home", tmp_path / "home", "--clock", "replay")
    message = tmp_path / "bad.xml"
    message.write_text("no message")
    said = crivo(capsys, "ingest", message, *home)
    assert (said.code, "1 of 1 rows lie in quarantine; none came in" in said.err) == (1, True)
    bad = "bad,2018-04-02T00:00:00Z,p,q,oops,0"
    write_csv(table, [bad], header=HEADER)
    assert taken(capsys, table).code == 1
    write_csv(table, [*good_rows(1), bad], header=HEADER)
    assert taken(capsys, table).code == 0
    known = taken(capsys, table)
    assert (known.code, "accepted 0" in known.out) == (0, True)


@pytest.mark.parametrize("log", [None, "kafka://127.0.0.1:9092"])
def test_import_and_training_hint_at_the_command_that_shows_what_was_refused(
    log: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({}, home=Path("/a home"), log__url=log)
    told = "`crivo quarantine list --home '/a home'" + (f" --log {log}`" if log else "`")
    nothing = IngestResult(1, 0, 1)
    with pytest.raises(Unfit) as unfit:
        check_few_refused(nothing, settings)
    assert told in str(unfit.value.hint)
    monkeypatch.setattr(training, "import_table", lambda *_, **__: nothing)
    asked = training.Training(labels_as_of=None, seed=0, leak_accepted_by="")
    with pytest.raises(Refused) as refused:
        training.train_on_events(settings, Path("t.csv"), MAPPING, asked, progress=lambda *_: None)
    assert (refused.value.code, told in str(refused.value.hint)) == (Code.DATA_TOO_SMALL, True)

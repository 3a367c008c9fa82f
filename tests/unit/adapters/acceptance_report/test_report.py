"""The report as a page and as JSON: what it says, and that it is written whole."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from crivo.adapters.acceptance_report.plot import COLOURS, curve, ranges
from crivo.adapters.acceptance_report.writer import (
    DOCUMENT,
    PAGE,
    check_place,
    plot_name,
    write_report,
)
from crivo.cli.main import main
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.simulator.acceptance.finding import (
    Check,
    Finding,
    Outcome,
    Verdict,
    around,
    default_checks,
)
from crivo.simulator.acceptance.grouped import Grouped
from crivo.simulator.options import SimulationOptions
from tests.disk_order import disk_order


def finding(found: float, error: float | None, part: str = "a <part>") -> Finding:
    return around(part, "% of count", 10.0, 1.0, (found, error))


CHECK = Check(1, "A check", "A source.", "1 point", lambda tally: ())


@pytest.mark.parametrize(
    ("found", "error", "verdict"),
    [
        (10.9, 0.1, Verdict.HOLDS),
        (11.1, 0.1, Verdict.UNDECIDABLE),
        (11.3, 0.1, Verdict.FAILS),
        (8.9, 0.33, Verdict.UNDECIDABLE),
        (8.3, 0.33, Verdict.FAILS),
        (10.0, 0.34, Verdict.UNDECIDABLE),
        (12.6, 0.34, Verdict.UNDECIDABLE),
        (12.8, 0.34, Verdict.FAILS),
        (10.0, None, Verdict.UNDECIDABLE),
    ],
)
def test_a_figure_decides_only_where_its_error_fits_the_tolerance(
    found: float, error: float | None, verdict: Verdict
):
    assert finding(found, error).verdict is verdict


def test_a_check_fails_with_any_part_and_holds_with_all():
    holds, fails, unclear = finding(10.0, 0.1), finding(20.0, 0.1), finding(10.0, None)
    assert Outcome(CHECK, (holds, holds)).verdict is Verdict.HOLDS
    assert Outcome(CHECK, (holds, unclear)).verdict is Verdict.UNDECIDABLE
    assert Outcome(CHECK, (unclear, fails, holds)).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("found", "error", "needed"),
    [
        (10.9, 0.1, None),  # it holds
        (11.3, 0.1, None),  # it fails
        (10.0, 0.5, 2_300),  # (0.5 / (1 / 3)) ** 2 of a thousand are 2,250
        (12.0, 0.5, 2_300),  # outside by less than five errors: as many let it decide
        (11.1, 0.1, 4_000),  # one error outside: two are clear
        (10.0, None, None),  # no error to reckon from
    ],
)
def test_what_cannot_decide_says_how_many_transfers_would(
    found: float, error: float | None, needed: int | None
):
    one = finding(found, error)
    assert one.needed(1_000) == needed
    if needed is not None and error is not None:
        # Beyond that size its error fits the tolerance, or the figure lies clearly outside.
        then = finding(found, error * math.sqrt(1_000 / (1.01 * needed)))
        assert then.verdict is not Verdict.UNDECIDABLE


def test_a_check_says_why_it_is_not_asked_and_what_would_decide_it():
    unclear, unknown = finding(10.0, 0.5, "one"), finding(10.0, None, "other")
    assert Outcome(CHECK, (), "no frauds").verdict is Verdict.NOT_HERE
    assert Outcome(CHECK, (), "no frauds").remark(1_000) == "no frauds"
    assert Outcome(CHECK, (finding(10.0, 0.1),)).remark(1_000) == ""
    assert Outcome(CHECK, (unclear,)).remark(1_000) == "some 2,300 transfers would decide"
    both = Outcome(CHECK, (unclear, unknown)).remark(1_000)
    assert both == f"some 2,300 transfers would decide; {unknown.lacks} (other)"
    assert Outcome(CHECK, (unknown,)).remark(1_000) == unknown.lacks


def test_key_types_say_how_many_keys_would_decide_on_terminal_page_and_document(tmp_path: Path):
    """Keys grow with the users and not with days: more transfers alone would decide nothing."""
    (check,) = (each for each in default_checks() if each.number == 15)
    counted = Counter({"evp": 507, "telefone": 171, "cpf": 159, "email": 146, "cnpj": 17})
    tally = SimpleNamespace(keys=counted, days={1})
    outcome = Outcome(check, check.findings(tally))
    # The error of half of a thousand keys is 1.58 points, and three of 0.33 fit into one.
    assert outcome.remark(200_000) == "some 23,000 keys would decide"
    assert outcome.remark(400_000) == outcome.remark(200_000)
    write_report(tmp_path / "report", SimulationOptions(), 200_000, (outcome,))
    page = (tmp_path / "report" / PAGE).read_text("utf-8")
    assert "some 23,000 keys would decide" in page
    assert "<td>some 23,000 keys</td>" in page
    document = json.loads((tmp_path / "report" / DOCUMENT).read_text("utf-8"))
    assert (document["checks"][0]["needed"], document["checks"][0]["sample_unit"]) == (
        23_000,
        "keys",
    )
    assert {each["sample"] for each in document["checks"][0]["findings"]} == {1_000}


def test_a_check_that_is_not_asked_has_its_row_and_no_plot(tmp_path: Path):
    outcomes = (Outcome(CHECK, (), "no frauds"), Outcome(replace(CHECK, number=2), (unclear(),)))
    options = SimulationOptions(past_days=90)
    write_report(tmp_path / "report", options, 200_000, outcomes)
    page = (tmp_path / "report" / PAGE).read_text("utf-8")
    assert "not in this world</td><td>no frauds</td>" in page
    assert "some 450,000 transfers would decide" in page
    assert "150,000 in 90 days of past and 50,000 in the window, 30 days from" in page
    document = json.loads((tmp_path / "report" / DOCUMENT).read_text("utf-8"))
    assert [check["remark"] for check in document["checks"]] == [
        "no frauds",
        "some 450,000 transfers would decide",
    ]
    assert document["checks"][1]["findings"][0]["needed"] == 450_000
    assert document["checks"][1]["findings"][0]["sample"] == 200_000
    assert (document["past_transfers"], document["window_transfers"]) == (150_000, 50_000)
    assert not (tmp_path / "report" / plot_name(CHECK)).exists()
    write_report(tmp_path / "report", options, 200_000, outcomes, replace=True)


def unclear() -> Finding:
    return finding(10.0, 0.5)


def test_groups_know_shares_means_and_their_errors():
    grouped = Grouped(2)
    assert grouped.share(0) == (0.0, None)
    assert grouped.value_share(0) == (0.0, None)
    assert grouped.mean_reais(1) == (0.0, None)
    groups = np.arange(10_000) % 2
    grouped.add(groups, np.where(groups == 1, 300_00, 100_00))
    assert grouped.share(1)[0] == 0.5
    assert grouped.value_share(1)[0] == 0.75
    assert grouped.mean_reais(1) == (300.0, 0.0)
    error = grouped.value_share(1)[1]
    assert error is not None
    assert 0.003 < error < 0.006


def test_plots_are_well_formed_and_show_every_part():
    findings = [finding(9.0 + place / 10, 0.1, f"{place}h") for place in range(24)]
    for drawn in (curve(findings, "hours"), ranges(findings, "hours")):
        picture = fromstring(drawn)
        assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 24
        assert picture.find("{http://www.w3.org/2000/svg}title") is not None
    assert COLOURS[Verdict.FAILS] in ranges([finding(99.0, 0.1)], "far away")


def test_a_report_is_a_page_without_links_and_a_document(tmp_path: Path):
    outcomes = (Outcome(CHECK, (finding(10.0, 0.1),)), Outcome(CHECK, (finding(20.0, 0.1),)))
    write_report(tmp_path / "report", SimulationOptions(), 1234, outcomes)
    page = (tmp_path / "report" / PAGE).read_text("utf-8")
    assert "1,234 transfers" in page
    assert "a &lt;part&gt;" in page
    assert not re.findall(r"(?:src|href)=", page)
    document = json.loads((tmp_path / "report" / DOCUMENT).read_text("utf-8"))
    assert [check["verdict"] for check in document["checks"]] == ["holds", "fails"]
    assert document["checks"][0]["findings"][0]["standard_error"] == 0.1
    plot = plot_name(CHECK)
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [PAGE, DOCUMENT, plot]
    assert fromstring((tmp_path / "report" / plot).read_text("utf-8")).tag.endswith("svg")


@pytest.mark.parametrize("replace", [False, True])
def test_a_file_and_a_folder_of_other_things_are_refused_and_stay(tmp_path: Path, replace: bool):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / DOCUMENT).write_text("{}")
    write_report(tmp_path / "report", SimulationOptions(), 0, ())
    (tmp_path / "report" / "check-01.svg").write_text("mine: it is no check of that report")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name in ("file", "mixed", "report"):
        for refuse in (
            write_report,
            lambda folder, *_, replace: check_place(folder, replace=replace),
        ):
            with pytest.raises(Refused) as refusal:
                refuse(tmp_path / name, SimulationOptions(), 0, (), replace=replace)
            assert refusal.value.code is Code.FILE_UNWRITABLE
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_report_gives_way_where_it_is_asked_to_and_takes_its_plots_with_it(tmp_path: Path):
    folder = tmp_path / "report"
    write_report(folder, SimulationOptions(), 1, outcomes_of("earlier"))
    with pytest.raises(Refused, match="not empty"):
        write_report(folder, SimulationOptions(), 2, ())
    write_report(folder, SimulationOptions(), 2, (), replace=True)
    assert sorted(path.name for path in folder.iterdir()) == [PAGE, DOCUMENT]
    assert json.loads((folder / DOCUMENT).read_text("utf-8"))["transfers"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_place_that_the_disk_refuses_is_told_before_the_walk(tmp_path: Path):
    with pytest.raises(Unavailable) as refusal:
        check_place(tmp_path / ("long" * 100), replace=False)
    assert refusal.value.code is Code.FILE_UNWRITABLE
    check_place(tmp_path / "report", replace=False)
    assert list(tmp_path.iterdir()) == []


def test_a_place_below_a_file_is_refused_and_the_file_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Refused) as refusal:
        check_place(tmp_path / "file" / "of" / "reports", replace=False)
    assert refusal.value.code is Code.FILE_UNWRITABLE
    assert f"{tmp_path / 'file'} is no folder" in refusal.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_report_has_its_name_once_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    done = disk_order(monkeypatch)
    write_report(tmp_path / "report", SimulationOptions(), 1, outcomes_of("a source"))
    assert [(what, path.name) for what, path in done] == [
        ("sync", PAGE),
        ("sync", DOCUMENT),
        ("sync", plot_name(CHECK)),
        ("sync", f".report.{os.getpid()}.new"),
        ("rename", "report"),
        ("sync", tmp_path.name),
    ]


def outcomes_of(source: str) -> tuple[Outcome, ...]:
    return (Outcome(replace(CHECK, source=source), (finding(10.0, 0.1),)),)


def write_within(limit_bytes: int, folder: Path, source: str) -> str:
    """The code of the error, where no file may be longer than that; else nothing."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, most))
    try:
        write_report(folder, SimulationOptions(), 1, outcomes_of(source), replace=True)
    except Unavailable as error:
        return str(error.code)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    return ""


#: Six bytes a letter in the document and two in the page, so that the document is the longer file.
LONG = "ç" * 20_000


@pytest.mark.parametrize("too_long", [PAGE, DOCUMENT])
@pytest.mark.parametrize("earlier", [True, False])
def test_on_a_full_disk_the_earlier_report_stays_whole_and_nothing_lies_beside_it(
    tmp_path: Path, too_long: str, earlier: bool
):
    write_report(tmp_path / "sizes", SimulationOptions(), 1, outcomes_of(LONG))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "sizes").iterdir()}
    assert sizes[PAGE] < sizes[DOCUMENT]
    folder = tmp_path / "report"
    if earlier:
        write_report(folder, SimulationOptions(), 1, outcomes_of("earlier"))
    before = {path.name: path.read_bytes() for path in folder.glob("*")}
    assert write_within(sizes[too_long] - 1, folder, LONG) == Code.FILE_UNWRITABLE
    assert {path.name: path.read_bytes() for path in folder.glob("*")} == before
    assert folder.exists() == earlier


def test_a_disk_with_room_takes_the_new_report(tmp_path: Path):
    assert write_within(1_000_000, tmp_path, LONG) == ""
    files = [PAGE, DOCUMENT, plot_name(CHECK)]
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["crivo", "simulate", *arguments])
    with pytest.raises(SystemExit) as exit_of:
        main()
    assert isinstance(exit_of.value.code, int)
    return exit_of.value.code


@pytest.mark.slow
def test_the_command_writes_a_report_alone_and_answers_with_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "report"
    code = run(monkeypatch, "--report", str(folder), "--past-days", "0", "--json")
    document = json.loads(capsys.readouterr().out)
    failed = [check for check in document["checks"] if check["verdict"] == "fails"]
    assert code == (1 if failed else 0)
    assert (folder / PAGE).is_file()


def test_the_command_wants_a_folder(monkeypatch: pytest.MonkeyPatch):
    assert run(monkeypatch) == 2


@pytest.mark.slow
def test_sabotage_a_failing_check_makes_the_command_answer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    outcome = Outcome(CHECK, (finding(20.0, 0.1),))
    monkeypatch.setattr(
        "crivo.simulator.acceptance.finding.judged", lambda tally, natural: (outcome,)
    )
    assert run(monkeypatch, "--report", str(tmp_path / "report"), "--past-days", "0") == 1
    assert "WORLD_DIFFERS" in capsys.readouterr().err

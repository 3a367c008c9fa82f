"""A row that was refused leaves the quarantine when it comes in mended under its own id."""

from __future__ import annotations

import json

import pytest

from crivo.flows import ingest
from tests.integration.commands import crivo

HEAD = "id,time,payer,payee,amount"
MAPPING = """
source = "bank"
kind = "events"
[time]
column = "time"
[transfer]
id = "id"
payer = "payer"
payee = "payee"
amount = { column = "amount" }
"""
REFUSED = [
    "1,2026-11-01T10:00:00Z,ana,bia,10.00",
    "2,2026-11-01T11:00:00Z,ana,caio,oops",
    "3,2026-11-01T12:00:00Z,ana,caio,-1",
    "1,2026-11-01T10:00:30Z,davi,caio,99.00",
]
MENDED = ["2,2026-11-01T11:00:00Z,ana,caio,70.00"]


@pytest.fixture
def here(tmp_path, capsys):
    """Runs a command in a home folder of the test, and gives its JSON."""
    (tmp_path / "bank.toml").write_text(MAPPING)

    def run(*words, code=0):
        said = crivo(capsys, *words, "--home", tmp_path / "home", "--json")
        assert said.code == code, said.err
        return json.loads(said.out) if code == 0 else said.err

    def take(name, rows, *words):
        (tmp_path / name).write_text("\n".join([HEAD, *rows, ""]))
        options = ("--mapping", tmp_path / "bank.toml", "--clock", "replay", *words)
        return run("ingest", tmp_path / name, *options)

    run.take = take
    return run


def listed(here, *words):
    return [each["row_number"] for each in here("quarantine", "list", *words)["rows"]]


def test_a_row_that_came_in_mended_is_listed_no_more_and_shown_with_all(here):
    assert here.take("bank.csv", REFUSED)["quarantined"] == 3
    assert listed(here) == [2, 3, 4]
    assert here.take("mended.csv", MENDED, "--received", "2026-12-01T00:00:00Z")["accepted"] == 1
    assert listed(here) == [3, 4]
    every = here("quarantine", "list", "--all")
    assert [bool(each["mended_at"]) for each in every["rows"]] == [True, False, False]
    assert sum(every["counts"].values()) == 2
    assert here("quarantine", "show", "bank.csv", "2")["mended_at"].startswith("20")


def test_a_conflict_is_not_mended_by_the_transfer_whose_id_it_took(here):
    here.take("bank.csv", REFUSED)
    here.take("again.csv", REFUSED[:1])
    assert listed(here) == [2, 3, 4]


def test_a_row_that_came_in_mended_stays_so_when_its_file_comes_again_or_grows(here):
    here.take("bank.csv", REFUSED)
    here.take("mended.csv", MENDED, "--received", "2026-12-01T00:00:00Z")
    assert here.take("bank.csv", REFUSED)["quarantined"] == 3, "it is refused as before"
    assert listed(here) == [3, 4]
    here.take("longer.csv", [*REFUSED[1:2], "5,2026-12-02T14:00:00Z,ana,caio,1.00"])
    assert listed(here) == [3, 4]


def test_a_conflict_is_dismissed_by_name_and_stays_so_when_its_file_comes_again(here):
    here.take("bank.csv", REFUSED)
    assert "FIELD_VALUE" in here("quarantine", "dismiss", "bank.csv", "4", "--by", " ", code=2)
    said = here("quarantine", "dismiss", "bank.csv", "4", "--by", "Ana")
    assert (said["code"], said["dismissed_by"]) == ("CONFLICT", "Ana") and said["dismissed_at"]
    assert listed(here) == [2, 3]
    here.take("bank.csv", REFUSED)
    assert listed(here) == [2, 3] and listed(here, "--all") == [2, 3, 4]
    again = here("quarantine", "dismiss", "bank.csv", "4", "--by", "Rui", code=2)
    assert "FIELD_VALUE" in again and "dismissed by Ana" in again
    assert "NOT_FOUND" in here("quarantine", "dismiss", "bank.csv", "9", "--by", "Ana", code=2)


def test_sabotage_an_import_that_marks_nothing_leaves_the_row_in_the_list(here, monkeypatch):
    monkeypatch.setattr(ingest._Run, "_mend", lambda _self: None)
    here.take("bank.csv", REFUSED)
    here.take("mended.csv", MENDED, "--received", "2026-12-01T00:00:00Z")
    assert listed(here) == [2, 3, 4]


def test_a_file_is_called_by_its_name_until_two_of_the_name_differ(here):
    here.take("bank.csv", REFUSED)
    assert here("quarantine", "show", "bank.csv", "3")["code"] == "AMOUNT_RANGE"
    here.take("bank.csv", [*REFUSED, "5,2026-11-01T14:00:00Z,ana,caio,oops"])
    said = here("quarantine", "show", "bank.csv", "3", code=2)
    assert "FIELD_VALUE" in said and said.count("bank.csv@") >= 2
    assert "NOT_FOUND" in here("quarantine", "show", "bank.csv", "9", code=2)

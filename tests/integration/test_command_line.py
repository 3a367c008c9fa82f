"""Commands that cannot do what they are asked: one clear message, its code, nothing left over."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from crivo.bootstrap.models import Stored
from crivo.flows.promote import promote
from crivo.model.artifact import load_artifact, save_artifact
from tests.e2e.homes import ROOT, make_home
from tests.integration.commands import crivo
from tests.unit.decision.worlds import artifact

TABLE = """end_to_end_id,occurred_at,amount_centavos,payer_account,payee_account,payee_key,device,\
payer_ispb,payee_ispb,initiation,purpose,reported,reported_at
E12345678202611231200abcDEF12345,2026-11-23T12:00:00Z,12500,a,b,,,12345678,87654321,DICT,IPAY,false,
E12345678202611231201abcDEF12345,2026-11-23T12:01:00Z,Maria Silva,a,b,,,12345678,87654321,DICT,\
IPAY,false,
"""
MAPPING = ROOT / "mappings" / "simulated.toml"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder that is no checkout, and an environment that says nothing."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    for name in [name for name in os.environ if name.startswith("CRIVO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two rows, of which one has a name for an amount."""
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def ingested(capsys: pytest.CaptureFixture[str], table: Path, tmp_path: Path) -> Path:
    """A home folder with both rows: one in the log, one in quarantine."""
    home = tmp_path / "new" / "home"
    said = crivo(capsys, "ingest", table, "--mapping", MAPPING, "--home", home)
    assert said.code == 0, said.err
    return home


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_is_its_owners_alone(ingested: Path) -> None:
    assert mode(ingested) == mode(ingested.parent) == 0o700
    files = [path for path in ingested.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"log.sqlite", "quarantine.sqlite", "pseudonym.key"}
    assert {mode(path) for path in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them_at_the_next_start(
    capsys: pytest.CaptureFixture[str], ingested: Path, table: Path
) -> None:
    (ingested / "quarantine.sqlite").chmod(0o644)
    crivo(capsys, "ingest", table, "--mapping", MAPPING, "--home", ingested)
    assert mode(ingested / "quarantine.sqlite") == 0o600


def test_a_refused_row_is_shown_whole_only_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], ingested: Path
) -> None:
    for form in ([], ["--json"]):
        shy = crivo(capsys, "quarantine", "list", "--home", ingested, *form)
        bold = crivo(capsys, "quarantine", "list", "--home", ingested, "--raw", *form)
        assert "12345678" not in shy.out
        assert "12345678" in bold.out
        assert "AMOUNT_INVALID" in shy.out
        assert "b'" not in shy.out
        assert "None" not in shy.out


def test_what_is_wrong_with_a_file_leaves_no_home(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "other.csv").write_text("a;b\n1;2\n")
    home = tmp_path / "home"
    for name, words in (
        ("gone.csv", "no such file"),
        ("folder.csv", "it is a folder"),
        ("other.csv", "commas between cells"),
    ):
        said = crivo(capsys, "ingest", tmp_path / name, "--mapping", MAPPING, "--home", home)
        assert said.code == 2
        assert words in said.err
        assert not home.exists()


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere/home"])
def test_a_home_that_cannot_be_made_is_said_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, table: Path, place: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    home = tmp_path / place
    rows = tmp_path / "rows.csv"
    rows.write_text("Time,Amount,Class,weight," + ",".join(f"V{n}" for n in range(1, 29)) + "\n")
    ulb = ROOT / "mappings" / "ulb.toml"
    for command in (
        ["ingest", table, "--mapping", MAPPING],
        ["keys", "new", "somebody"],
        ["train", "--data", rows, "--mapping", ulb],
        ["demo", "--ci"],
    ):
        said = crivo(capsys, *command, "--home", home)
        assert said.code == 3, said.err
        assert "FILE_UNWRITABLE" in said.err


def test_what_is_not_there_is_not_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in (["quarantine", "list"], ["models", "list"], ["replay"]):
        said = crivo(capsys, *command, "--home", tmp_path / "gone")
        assert (said.code, said.err.split(":")[1].strip()) == (3, "NOT_FOUND")


def test_a_replay_names_an_id_that_was_never_decided_and_says_when_nothing_was(
    capsys: pytest.CaptureFixture[str], ingested: Path
) -> None:
    said = crivo(capsys, "replay", "--home", ingested, "--id", "EXXXX")
    assert said.code == 2
    assert "NOT_FOUND" in said.err
    assert "EXXXX" in said.err
    said = crivo(capsys, "replay", "--home", ingested)
    assert said.code == 0
    assert "nothing to compare" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--mapping", "x.toml"], "--data"),
        (["demo", "--days", "2"], "--data"),
        (["demo", "--days", "-1"], "--days"),
        (["demo", "--rate", "-5"], "--rate"),
        (["demo", "--ci", "--stay"], "--stay"),
        (["train", "--mapping", "x.toml"], "--data"),
        (["serve", "--host", ""], "CRIVO_HTTP__HOST"),
    ],
)
def test_an_option_without_an_effect_or_a_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    said = crivo(capsys, *arguments)
    assert said.code == 2
    assert words in said.err
    assert not Path(".crivo").exists()


def test_a_demo_looks_at_its_port_before_it_works(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = crivo(capsys, "demo", "--port", port, "--home", tmp_path / "home")
    assert said.code == 3
    assert "PORT_TAKEN" in said.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("host", "words"),
    [("no-such-name.invalid", "not known"), ("192.0.2.1", "no address of this machine")],
)
def test_a_host_that_is_not_here_is_told_apart_from_a_port_that_is_taken(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, host: str, words: str
) -> None:
    home = make_home(tmp_path / "home")
    said = crivo(capsys, "serve", "--home", home, "--host", host)
    assert said.code == 2
    assert "SETTING_INVALID" in said.err
    assert words in said.err


def test_the_policy_is_found_from_any_folder_of_a_checkout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(crivo(capsys, "doctor", "--json").out)
    monkeypatch.setenv("CRIVO_POLICY", "gone")
    said = crivo(capsys, "doctor")
    assert said.code == 1
    assert "CRIVO_POLICY" in said.err


def test_the_doctor_reads_the_policy_and_names_what_is_wrong_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert json.loads(crivo(capsys, "doctor", "--json").out)["policy"] == "valid"
    policy = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", policy)
    rules = policy / "rules.toml"
    rules.write_text(rules.read_text() + '[[entry]]\nkey = "rules.nope.state"\nvalue = "on"\n')
    monkeypatch.setenv("CRIVO_POLICY", str(policy))
    said = crivo(capsys, "doctor", "--json")
    assert said.code == 1
    assert json.loads(said.out)["policy"] == "NOT VALID"
    assert "POLICY_INVALID" in said.err
    assert "rules.nope.state" in said.err


def test_the_doctor_tells_of_a_champion_that_cannot_serve(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home")
    (model,) = (home / "models").glob("*/manifest.json")
    said = crivo(capsys, "doctor", "--home", home, "--json")
    assert (said.code, json.loads(said.out)["champion"]) == (0, model.parent.name)
    other = replace(artifact(), plan_hash="1" * 64)
    save_artifact(home / "models", other)
    promote(home / "models", other.hash, promoted_at=0)
    said = crivo(capsys, "doctor", "--home", home, "--json")
    assert said.code == 1
    assert json.loads(said.out)["champion"] == f"CANNOT SERVE: {other.hash}"
    assert "PLAN_MISMATCH" in said.err
    assert json.loads(said.out)["policy"] == "valid"


def test_keys_have_a_name_each_and_are_listed_and_revoked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = ("--home", tmp_path / "home")
    key = json.loads(crivo(capsys, "keys", "new", "till 7", *home, "--json").out)["key"]
    listed = crivo(capsys, "keys", "list", *home).out
    assert "till 7" in listed
    assert key not in listed
    for name, code in (("till 7", "CONFLICT"), ("", "ID_INVALID"), ("../x", "ID_INVALID")):
        said = crivo(capsys, "keys", "new", name, *home)
        assert said.code == 2
        assert code in said.err
    assert crivo(capsys, "keys", "revoke", "till 7", *home).code == 0
    assert json.loads(crivo(capsys, "keys", "list", *home, "--json").out) == []
    assert "NOT_FOUND" in crivo(capsys, "keys", "revoke", "till 7", *home).err


def test_the_doctor_says_where_each_setting_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CRIVO_HTTP__PORT", "9001")
    monkeypatch.setenv("CRIVO_HTTP__API_KEY", "k" * 43)
    said = crivo(capsys, "doctor", "--home", tmp_path, "--json").out
    settings = json.loads(said)["settings"]
    assert settings["CRIVO_HTTP__PORT"] == {"value": "9001", "from": "environment"}
    assert settings["CRIVO_HOME"] == {"value": str(tmp_path), "from": "option"}
    assert settings["CRIVO_HTTP__HOST"]["from"] == "default"
    assert "k" * 43 not in said


def test_an_error_is_not_said_twice(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = crivo(capsys, "ingest", tmp_path / "gone.csv", "--mapping", MAPPING)
    assert said.err.count("gone.csv") == 1
    home = make_home(tmp_path / "home")
    said = crivo(capsys, "replay", "--home", home, "--from", "yesterday")
    assert said.err.count("yesterday") == 1


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    said = crivo(capsys, "--version")
    assert (said.code, said.out) == (0, f"crivo {version('crivo')}\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('source = "a"\nkind = "event"\n[time]\ncolumn = "t"\n', "events, rows"),
        ('source = "a"\nkind = "rows"\n[time]\ncolumn = "t"\nformat = "x"\n', "received, unit"),
        ('source = "a"\n', "kind (needed)"),
        ('source = "a"\nkind = "events"\n', 'time must be a section, for kind = "events"'),
    ],
)
def test_a_mapping_that_is_wrong_is_told_what_is_right(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, table: Path, text: str, words: str
) -> None:
    mapping = tmp_path / "mine.toml"
    mapping.write_text(text)
    said = crivo(capsys, "ingest", table, "--mapping", mapping)
    assert said.code == 2
    assert words in said.err


def test_a_model_of_which_a_byte_was_changed_is_refused_and_hides_no_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home")
    whole = next(home.glob("models/*/manifest.json")).parent
    spoilt = shutil.copytree(whole, whole.with_name("f" * 64))
    for options in ([], ["--json"]):
        said = crivo(capsys, "models", "list", *options, "--home", home)
        assert said.code == 2
        assert whole.name[:12] in said.out
        assert all(word in said.err for word in ("ARTIFACT_INVALID", spoilt.name))
    for named in (spoilt.name[:9], spoilt.name):
        said = crivo(capsys, "models", "compare", whole.name, named, "--home", home)
        assert (said.code, "ARTIFACT_INVALID" in said.err) == (2, True)


def test_a_prefix_of_two_models_is_told_apart_from_one_of_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    hash_ = next(home.glob("models/*/manifest.json")).parent.name
    one = load_artifact(home / "models" / hash_)
    monkeypatch.setattr(
        "crivo.bootstrap.models.stored_models", lambda _settings: Stored((one, one), (), {})
    )
    said = crivo(capsys, "models", "promote", hash_[:6], "--approved-by", "Ana", "--home", home)
    assert (said.code, "FIELD_VALUE" in said.err) == (2, True)
    said = crivo(capsys, "models", "promote", "zz", "--approved-by", "Ana", "--home", home)
    assert (said.code, "NOT_FOUND" in said.err) == (2, True)

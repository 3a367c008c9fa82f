"""`crivo features build` and `verify` on a home folder: what they say, write and answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crivo.cli.sets import BuildOptions, run_features_build, run_features_verify
from crivo.domain.errors import Code, Refused, Unavailable, Unfit
from crivo.domain.instant import DAY
from crivo.flows.train import LogTraining
from crivo.flows.verify import VerifyResult
from tests.integration.pasts import START, keep_log, past
from tests.unit.decision.worlds import play, world


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    keep_log(folder, past(4, 800))
    return folder


def build(home: Path | None, capsys, **options) -> dict:
    chosen = {
        "home": home,
        "log": None,
        "labels_as_of": None,
        "label_delay_days": 7,
        "silent_one_in": 1,
        "shards": 1,
        "out": None,
        "as_json": True,
        **options,
    }
    run_features_build(BuildOptions(**chosen))
    return json.loads(capsys.readouterr().out)


def test_a_set_lies_in_the_home_under_its_features_and_its_instant(home, capsys) -> None:
    said = build(home, capsys)
    folder = Path(said["folder"])
    assert folder.parent == home / "training_sets"
    assert {path.name for path in folder.iterdir()} == {"rows.parquet", "manifest.json"}
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["rows"] == said["rows"] == sum(said["tiers"].values()) > 500
    assert folder.name.startswith(manifest["feature_set_hash"][:12])


def test_a_log_is_named_by_its_file_or_by_its_home(home, tmp_path, capsys) -> None:
    as_of = "2026-03-20T00:00:00Z"
    said = [
        build(tmp_path, capsys, log=log, labels_as_of=as_of, out=tmp_path / f"set{number}")
        for number, log in enumerate((home, home / "log.sqlite"))
    ]
    assert said[0]["rows_sha256"] == said[1]["rows_sha256"]
    assert said[0]["tiers"]["IMMATURE"] > 0


def test_labels_of_an_instant_that_the_log_has_not_reached_are_refused(
    home, tmp_path, capsys
) -> None:
    with pytest.raises(Refused) as refusal:
        build(home, capsys, labels_as_of="2099-01-01T00:00:00Z", out=tmp_path / "set")
    assert refusal.value.code is Code.TIME_RANGE
    assert refusal.value.context["field"] == "--labels-as-of"
    newest = refusal.value.context["expected"].removeprefix("at most ")
    assert build(home, capsys, labels_as_of=newest, out=tmp_path / "set")["rows"] > 500


def test_without_a_log_there_is_no_set(tmp_path, capsys) -> None:
    with pytest.raises(Unavailable) as refusal:
        build(tmp_path, capsys)
    assert refusal.value.code is Code.NOT_FOUND
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 300, "x" * 250, "file/below"], ids=len)
def test_a_place_that_cannot_be_is_refused_before_anything_is_read(
    home, tmp_path, capsys, name
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused) as refusal:
        build(home, capsys, out=tmp_path / name)
    assert (refusal.value.code, refusal.value.exit_code) == (Code.FILE_UNWRITABLE, 2)
    assert refusal.value.context["file"] == str(tmp_path / name)
    assert refusal.value.context["found"] in ("File name too long", "Not a directory")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_people_read_the_same_figures(home, tmp_path, capsys) -> None:
    said = build(home, capsys, out=tmp_path / "one")
    build_options = BuildOptions(home, None, None, 7, 1, 1, tmp_path / "two", as_json=False)
    run_features_build(build_options)
    text = capsys.readouterr().out
    assert f"{said['rows']:,} rows" in text
    assert said["rows_sha256"] in text


def test_a_training_asks_for_the_delay_that_a_set_has_by_itself() -> None:
    assert LogTraining(labels_as_of=START).label_delay == 7 * DAY


def test_verify_says_parity_and_cost_apart(tmp_path, capsys) -> None:
    with world(tmp_path) as played:
        play(played, 3, 60)
    run_features_verify(home=tmp_path, one_in=1, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["parity"]["mismatches"] == 0
    assert said["parity"]["compared"] > 10
    assert all(cost["differing"] > 0 for cost in said["staleness"]["features"].values())
    run_features_verify(home=tmp_path, one_in=1, as_json=False)
    assert "0 mismatches in" in capsys.readouterr().out


def test_sabotage_a_mismatch_ends_with_another_exit_code(monkeypatch, tmp_path, capsys) -> None:
    found = VerifyResult(compared=7, differing=2, first=["E1", "E2"])
    found.mismatches.update(["transfer_amount_value_now"] * 2)
    monkeypatch.setattr("crivo.bootstrap.proving.verify_home", lambda *_a, **_k: found)
    with pytest.raises(Unfit) as answer:
        run_features_verify(home=tmp_path, one_in=10, as_json=False)
    assert (answer.value.code, answer.value.exit_code) == (Code.REPLAY_DIFFERS, 1)
    text = capsys.readouterr().out
    assert "transfer_amount_value_now" in text
    assert "E2" in text


@pytest.mark.parametrize("as_json", [True, False])
def test_sabotage_a_verification_of_nothing_does_not_pass(as_json, tmp_path, capsys) -> None:
    with world(tmp_path):
        pass  # a log without a decision
    with pytest.raises(Unfit) as answer:
        run_features_verify(home=tmp_path, one_in=1, as_json=as_json)
    assert (answer.value.code, answer.value.exit_code) == (Code.NOT_FOUND, 1)
    assert "no vector was compared" in str(answer.value)
    assert capsys.readouterr().out

from __future__ import annotations

import json

import pytest

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.promote import load_champion, promote, read_champion
from crivo.model.artifact import save_artifact
from tests.unit.model.worlds import START, labelled, trained


@pytest.fixture(scope="module")
def artifacts():
    return trained(labelled(seed=1)).artifact, trained(labelled(seed=2)).artifact


def test_the_promoted_artifact_is_what_is_loaded(artifacts, tmp_path):
    first, second = artifacts
    save_artifact(tmp_path, first)
    save_artifact(tmp_path, second)
    promote(tmp_path, first.hash, promoted_at=START)
    assert load_champion(tmp_path).hash == first.hash
    champion = promote(tmp_path, second.hash, promoted_at=START + 1)
    assert load_champion(tmp_path).hash == second.hash
    assert champion.previous == first.hash
    assert json.loads((tmp_path / "champion.json").read_text()) == {
        "hash": second.hash,
        "previous": first.hash,
        "promoted_at": "2020-09-13T12:26:40.000001Z",
    }


def test_promoting_the_champion_again_keeps_what_was_before_it(artifacts, tmp_path):
    for artifact in artifacts:
        save_artifact(tmp_path, artifact)
        promote(tmp_path, artifact.hash, promoted_at=START)
    again = promote(tmp_path, artifacts[1].hash, promoted_at=START)
    assert again.previous == artifacts[0].hash


def test_an_artifact_from_elsewhere_is_copied(artifacts, tmp_path):
    folder = save_artifact(tmp_path / "elsewhere", artifacts[0])
    promote(tmp_path / "models", artifacts[0].hash, promoted_at=START, source=folder)
    assert load_champion(tmp_path / "models").hash == artifacts[0].hash


def test_sabotage_a_damaged_artifact_is_not_promoted(artifacts, tmp_path):
    first, second = artifacts
    save_artifact(tmp_path, first)
    promote(tmp_path, first.hash, promoted_at=START)
    file = save_artifact(tmp_path, second) / "value.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(Misconfigured) as refusal:
        promote(tmp_path, second.hash, promoted_at=START)
    assert refusal.value.code is Code.ARTIFACT_INVALID
    assert read_champion(tmp_path).hash == first.hash


def test_no_champion_is_said_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(Unavailable) as refusal:
        load_champion(tmp_path)
    assert refusal.value.code is Code.MODEL_MISSING
    assert "crivo train" in refusal.value.hint
    with pytest.raises(Unavailable):
        promote(tmp_path, "a" * 64, promoted_at=START)
    assert not (tmp_path / "champion.json").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"hash": 1}', b"\xff"])
def test_a_champion_file_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "champion.json").write_bytes(content)
    with pytest.raises(Misconfigured) as refusal:
        read_champion(tmp_path)
    assert refusal.value.code is Code.ARTIFACT_INVALID

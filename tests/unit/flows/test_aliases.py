from __future__ import annotations

import pytest

from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.flows.aliases import Alias, aliases_of, give_alias
from crivo.flows.promote import load_champion, promote, roll_back
from crivo.model.artifact import save_artifact
from tests.unit.model.worlds import START, labelled, trained


@pytest.fixture(scope="module")
def artifacts():
    return [trained(labelled(seed=seed)).artifact for seed in (1, 2)]


@pytest.fixture
def models(artifacts, tmp_path):
    for artifact in artifacts:
        save_artifact(tmp_path, artifact)
    return tmp_path


def test_each_alias_names_one_model_at_a_time(artifacts, models):
    first, second = (artifact.hash for artifact in artifacts)
    assert aliases_of(models) == {}
    give_alias(models, Alias.CANDIDATE, first)
    give_alias(models, Alias.STAGING, first)
    give_alias(models, Alias.CANDIDATE, second)
    promote(models, first, promoted_at=START)
    assert aliases_of(models) == {
        Alias.CANDIDATE: second,
        Alias.STAGING: first,
        Alias.CHAMPION: first,
    }
    promote(models, second, promoted_at=START)
    assert aliases_of(models)[Alias.PREVIOUS] == first


def test_rolling_back_twice_is_where_it_began(artifacts, models):
    first, second = (artifact.hash for artifact in artifacts)
    promote(models, first, promoted_at=START)
    promote(models, second, promoted_at=START)
    assert roll_back(models, promoted_at=START).hash == first
    assert load_champion(models).hash == first
    assert aliases_of(models)[Alias.PREVIOUS] == second
    assert roll_back(models, promoted_at=START).hash == second


def test_the_first_champion_has_nothing_to_roll_back_to(artifacts, models):
    promote(models, artifacts[0].hash, promoted_at=START)
    with pytest.raises(Unavailable) as refusal:
        roll_back(models, promoted_at=START)
    assert refusal.value.code is Code.MODEL_MISSING
    assert load_champion(models).hash == artifacts[0].hash


def test_sabotage_a_former_champion_that_was_damaged_does_not_serve_again(artifacts, models):
    first, second = (artifact.hash for artifact in artifacts)
    promote(models, first, promoted_at=START)
    promote(models, second, promoted_at=START)
    (models / first / "value.npy").write_bytes(b"")
    with pytest.raises(Misconfigured):
        roll_back(models, promoted_at=START)
    assert load_champion(models).hash == second


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"other": "a"}', b"\xff"])
def test_a_file_of_aliases_that_is_none_is_refused(content, tmp_path):
    (tmp_path / "aliases.json").write_bytes(content)
    with pytest.raises(Misconfigured) as refusal:
        aliases_of(tmp_path)
    assert refusal.value.code is Code.ARTIFACT_INVALID

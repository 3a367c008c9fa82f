"""`promote` refuses a model that could not say why: its paths ask too many inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import Names, promote_model
from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.flows.promote import read_champion
from crivo.model.artifact import LEAF, Artifact, ArtifactKind, Forest, save_artifact
from crivo.model.judged import save_judged
from crivo.model.scorer import Scorer
from crivo.model.shapley import PATH_INPUTS_MAX, longest_path
from crivo.model.split import SplitOptions
from crivo.model.train import Trained, train
from crivo.settings import Settings
from tests.unit.model.worlds import SMALL, labelled

pytestmark = pytest.mark.slow

ROWS = replace(labelled(rows=12_000, offset=-5.5, names=PATH_INPUTS_MAX + 6), plan_hash="")


@pytest.fixture(scope="module")
def good() -> Trained:
    return train(ROWS, kind=ArtifactKind.ROWS, split_options=SplitOptions(), options=SMALL)


def with_a_path_of(inputs: int, artifact: Artifact) -> Artifact:
    """The model with one more tree, which adds nothing: a chain of splits, an input each."""
    forest, count = artifact.forest, len(artifact.forest.feature)
    splits = 2 * np.arange(inputs)
    feature = np.full(2 * inputs + 1, LEAF)
    feature[splits] = np.arange(inputs)
    left, right = np.full_like(feature, LEAF), np.full_like(feature, LEAF)
    left[splits], right[splits] = count + splits + 1, count + splits + 2
    cover = np.ones(len(feature))
    cover[splits] = inputs + 1 - np.arange(inputs)
    chain = {"feature": feature, "left": left, "right": right, "cover": cover}
    chain |= {"roots": np.array([count])}
    added = {
        name: np.concatenate([array, chain.get(name, np.zeros(len(feature)))]).astype(array.dtype)
        for name in Forest.__dataclass_fields__
        for array in [getattr(forest, name)]
    }
    return replace(artifact, body=Forest(**added))


def promoted(settings: Settings, trained: Trained, artifact: Artifact, **options: bool) -> None:
    paths = Paths(settings.home)
    save_judged(paths.judged, trained.judged)
    save_artifact(paths.models, artifact)
    promote_model(settings, artifact.hash, names=Names(approved_by="Ana"), **options)


def test_a_model_whose_longest_path_can_still_be_explained_is_promoted(settings, good):
    longest = with_a_path_of(PATH_INPUTS_MAX, good.artifact)
    assert longest_path(longest.forest) == PATH_INPUTS_MAX
    promoted(settings, good, longest)
    assert read_champion(Paths(settings.home).models).hash == longest.hash
    parts = Scorer(longest).contributions(ROWS.vectors[0])
    assert (parts == Scorer(good.artifact).contributions(ROWS.vectors[0])).all()


@pytest.mark.parametrize("is_first", [True, False])
def test_one_input_more_is_refused_at_the_promotion_and_not_at_the_first_start(
    settings, good, is_first
):
    longer = with_a_path_of(PATH_INPUTS_MAX + 1, good.artifact)
    with pytest.raises(Misconfigured) as at_start:
        Scorer(longer).contributions(ROWS.vectors[0])
    assert at_start.value.code is Code.ARTIFACT_INVALID
    with pytest.raises(Unfit) as refusal:
        promoted(settings, good, longer, is_first=is_first)
    assert refusal.value.code is Code.GATE_FAILED
    found = {name: refusal.value.context[name] for name in ("gate", "field", "expected", "found")}
    assert found == {
        "gate": "reasons",
        "field": "inputs on the way to a leaf",
        "expected": f"at most {PATH_INPUTS_MAX}",
        "found": str(PATH_INPUTS_MAX + 1),
    }
    assert not (Paths(settings.home).models / "champion.json").exists()

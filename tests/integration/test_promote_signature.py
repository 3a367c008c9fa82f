"""`promote` refuses another plan, and rows of other inputs than callers send."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import Names, compare_models, promote_model, roll_back_model
from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.flows.promote import promote
from crivo.governance.gates import Gate
from crivo.model.artifact import ArtifactKind
from crivo.model.split import SplitOptions
from crivo.model.train import Trained, train
from tests.integration.promotions import ANA, ROWS, champion_of, fitted, keep
from tests.unit.model.worlds import SMALL, labelled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def good() -> Trained:
    return fitted()


def test_a_model_of_another_plan_is_refused(settings):
    events = train(
        labelled(), kind=ArtifactKind.EVENTS, split_options=SplitOptions(), options=SMALL
    )
    artifact = keep(settings, events)
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, artifact.hash, is_first=True)
    assert refusal.value.context["gate"] == "signature"


def test_rolling_back_to_a_model_of_another_plan_is_refused_and_the_champion_stays(settings, good):
    events = train(
        labelled(), kind=ArtifactKind.EVENTS, split_options=SplitOptions(), options=SMALL
    )
    former, present = keep(settings, events), keep(settings, good)
    models = Paths(settings.home).models
    for each in (former, present):  # as an earlier release, whose features these were, had it
        promote(models, each.hash, promoted_at=0)
    with pytest.raises(Misconfigured) as refusal:
        roll_back_model(settings, approved_by="Ana")
    assert refusal.value.code is Code.PLAN_MISMATCH
    assert champion_of(settings) == present.hash


def test_a_model_of_other_inputs_needs_somebody_who_answers_for_it(settings, good):
    champion = keep(settings, good)
    promote_model(settings, champion.hash, names=ANA)
    renamed = replace(ROWS, names=("a", "b", "c", "d", "e"), set_hash="2" * 64)
    other = keep(settings, fitted(renamed))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, other.hash, names=ANA)
    assert "champion (average precision" in refusal.value.message
    assert "found a champion of other inputs" in refusal.value.message
    promote_model(settings, other.hash, names=Names("Ana", unlike_accepted_by="Ana"))
    assert champion_of(settings) == other.hash
    with pytest.raises(Misconfigured) as unlike:
        compare_models(settings, [champion.hash, other.hash], reviews_per_day=10)
    assert unlike.value.code is Code.PLAN_MISMATCH


@pytest.mark.parametrize(("width", "odd"), [(4, "input_4"), (6, "more")])
def test_a_model_whose_inputs_callers_do_not_send_is_refused_by_its_signature(
    settings, good, width, odd
):
    """One input fewer is refused as one more is: `/predict` takes the very names that it asks."""
    promote_model(settings, keep(settings, good).hash, names=ANA)
    vectors = np.column_stack([ROWS.vectors, ROWS.vectors[:, 0]])
    names = (*ROWS.names, "more")[:width]
    other = keep(settings, fitted(replace(ROWS, vectors=vectors[:, :width], names=names)))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, other.hash, names=ANA)
    said = refusal.value.context
    assert (said["gate"], said["expected"], said["found"]) == ("signature", "none", f"1: {odd}")
    assert "--unlike-champion" in refusal.value.hint
    promoted = promote_model(settings, other.hash, names=Names("Ana", unlike_accepted_by="Rui"))
    waived = {each.gate for each in promoted.judgements if each.accepted_by == "Rui"}
    assert Gate.SIGNATURE in waived
    assert champion_of(settings) == other.hash

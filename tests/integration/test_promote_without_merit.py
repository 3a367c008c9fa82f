"""What is no better than nothing does not serve, and what is spoilt keeps no other from serving."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from crivo.bootstrap.home import Paths
from crivo.bootstrap.models import compare_models, promote_model
from crivo.domain.errors import Code, Misconfigured, Unfit
from crivo.model.dataset import Dataset
from tests.integration.promotions import ANA, ROWS, champion_of, fitted, keep

pytestmark = pytest.mark.slow


def knowing_nothing() -> Dataset:
    """Rows whose inputs say nothing, so that nobody is better than anybody."""
    return replace(ROWS, vectors=np.ones_like(ROWS.vectors))


def test_a_model_that_knows_nothing_ties_with_what_tells_nothing_and_is_refused(settings):
    # One fold: of two, each gives all rows one margin, and the greater may have fewer frauds.
    model = keep(settings, fitted(knowing_nothing(), calibration_share=0.15))
    with pytest.raises(Unfit) as refusal:
        promote_model(settings, model.hash, names=ANA)
    assert refusal.value.context["gate"] == "baseline"
    assert (refusal.value.context["expected"], refusal.value.context["found"]) == ("above 0", "0")


def test_a_spoilt_model_keeps_no_other_from_serving(settings):
    artifact = keep(settings, fitted())
    folder = Paths(settings.home).models
    spoilt = shutil.copytree(folder / artifact.hash, folder / ("f" * 64))
    promote_model(settings, artifact.hash, names=ANA)
    assert champion_of(settings) == artifact.hash
    assert compare_models(settings, ["champion"], reviews_per_day=10).judge == artifact.hash
    with pytest.raises(Misconfigured) as refusal:
        promote_model(settings, spoilt.name, names=ANA)
    assert refusal.value.code is Code.ARTIFACT_INVALID

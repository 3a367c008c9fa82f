"""The champion as LightGBM's own model gives the margins of the artifact that serves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.load.champion import booster_of
from crivo.model.artifact import MARGIN_BITS
from crivo.model.scorer import Scorer
from tests.unit.model.worlds import trained

RNG = np.random.default_rng(3)


def vectors_of(artifact, rows=500):
    """Vectors around the forest's own thresholds, a fifth of their cells null."""
    used = artifact.forest.threshold[artifact.forest.feature >= 0]
    shape = rows, len(artifact.input_names)
    vectors = RNG.choice(used, shape) + RNG.choice([0.0, -1e-9, 1e-9], shape)
    return np.where(RNG.random(vectors.shape) < 0.2, np.nan, vectors)


def greatest_difference(artifact, booster):
    vectors = vectors_of(artifact)
    margins, _ = Scorer(artifact).score(vectors, plan_hash=artifact.plan_hash)
    raw = np.asarray(booster.predict(vectors, raw_score=True, num_threads=1))
    return float(np.abs(raw - margins / float(1 << MARGIN_BITS)).max())


def test_the_booster_has_the_trees_and_the_inputs_of_the_champion_and_its_margins():
    artifact = trained().artifact
    booster = booster_of(artifact)
    assert booster.num_trees() == len(artifact.forest.roots)
    assert booster.num_feature() == len(artifact.input_names)
    assert greatest_difference(artifact, booster) < 1e-9


def test_sabotage_another_leaf_or_another_way_for_nulls_is_noticed():
    artifact = trained().artifact
    forest = artifact.forest
    value, null_left = forest.value.copy(), 1 - forest.null_left
    value[forest.feature < 0] += 1 << (MARGIN_BITS - 10)
    for bent in (replace(forest, value=value), replace(forest, null_left=null_left)):
        booster = booster_of(replace(artifact, body=bent))
        assert greatest_difference(artifact, booster) > 1e-6

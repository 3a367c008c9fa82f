"""Resampling changes what a model is fitted on, and the prior is put back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.model.booster import BoosterOptions, boosted
from crivo.model.resample import POSITIVE_SHARE, Resampling, resample
from tests.unit.model.worlds import SMALL, labelled, trained

ROWS = labelled(rows=20_000, offset=-6.0)
WAYS = [way for way in Resampling if way is not Resampling.NONE]


def given():
    return ROWS.vectors, ROWS.labels(), ROWS.weights


@pytest.mark.parametrize("way", WAYS)
def test_every_way_brings_the_positives_to_the_same_share(way):
    made = resample(way, *given(), seed=1)
    share = made.weights[made.labels].sum() / made.weights.sum()
    assert share == pytest.approx(POSITIVE_SHARE, abs=0.01)
    assert len(made.vectors) == len(made.labels) == len(made.weights)


def log_odds(labels, weights) -> float:
    share = weights[labels].sum() / weights.sum()
    return float(np.log(share / (1 - share)))


@pytest.mark.parametrize("way", WAYS)
def test_the_offset_is_the_log_odds_before_less_those_after(way):
    made = resample(way, *given(), seed=1)
    before, after = log_odds(ROWS.labels(), ROWS.weights), log_odds(made.labels, made.weights)
    assert made.offset == pytest.approx(before - after, abs=1e-12)
    assert made.offset < -1.5


def test_negatives_that_were_drawn_keep_their_weights():
    vectors, labels, _ = given()
    weights = np.where(np.arange(len(labels)) % 2 == 0, 1.0, 3.0)
    made = resample(Resampling.UNDER, vectors, labels, weights, seed=1)
    assert (~made.labels).sum() < (~labels).sum() / 5
    assert made.weights[made.labels].tolist() == weights[labels].tolist()
    drawn = made.weights[~made.labels]
    assert np.unique(drawn).tolist() == [1.0, 3.0]
    assert drawn.mean() == pytest.approx(weights[~labels].mean(), rel=0.05)


def test_what_smote_makes_up_weighs_what_it_was_made_of_does():
    vectors, labels, _ = given()
    made = resample(Resampling.SMOTE, vectors, labels, np.full(len(labels), 2.5), seed=1)
    assert len(made.labels) > len(labels)
    assert (made.weights == 2.5).all()


@pytest.mark.parametrize("way", Resampling)
def test_a_seed_gives_the_same_rows(way):
    one, other = (resample(way, *given(), seed=3) for _ in range(2))
    assert one.vectors.tobytes() == other.vectors.tobytes()
    assert one.offset == other.offset


def test_nothing_is_changed_where_nothing_is_asked_or_positives_are_many():
    vectors, labels, weights = given()
    assert resample(Resampling.NONE, vectors, labels, weights, seed=0).vectors is vectors
    many = np.arange(len(labels)) % 2 == 0
    assert resample(Resampling.SMOTE, vectors, many, weights, seed=0).offset == 0.0


def test_smote_makes_positives_up_between_real_ones():
    vectors, labels, weights = given()
    made = resample(Resampling.SMOTE, vectors, labels, weights, seed=0)
    new = made.vectors[len(vectors) :]
    assert made.labels[len(vectors) :].all()
    real = np.nan_to_num(vectors[labels], nan=0.0)
    assert (new.min(axis=0) >= real.min(axis=0) - 1e-9).all()
    assert (new.max(axis=0) <= real.max(axis=0) + 1e-9).all()


def mean_chance(way: Resampling, *, with_offset: bool) -> float:
    vectors, labels, weights = given()
    options = BoosterOptions(trees=60, leaves=4, learning_rate=0.1, threads=1, resampling=way)
    margins = boosted(vectors, labels, weights, options)(vectors)
    if not with_offset:
        margins -= resample(way, vectors, labels, weights, seed=0).offset
    return float((1 / (1 + np.exp(-margins))).mean())


@pytest.mark.parametrize("way", [Resampling.WEIGHTS, Resampling.UNDER])
def test_the_corrected_prior_is_that_of_the_rows(way):
    prior = float(ROWS.labels().mean())
    assert mean_chance(way, with_offset=True) == pytest.approx(prior, rel=0.35)


@pytest.mark.parametrize("way", [Resampling.WEIGHTS, Resampling.UNDER])
def test_sabotage_without_the_correction_fraud_looks_far_too_common(way):
    assert mean_chance(way, with_offset=False) > 4 * float(ROWS.labels().mean())


@pytest.mark.slow
def test_rows_to_calibrate_and_to_judge_are_never_resampled():
    smote = replace(SMALL, booster=replace(SMALL.booster, resampling=Resampling.SMOTE))
    plain, changed = trained(ROWS), trained(ROWS, smote)
    assert plain.split == changed.split
    assert plain.judged.hash == changed.judged.hash
    assert plain.held.hash == changed.held.hash
    assert plain.artifact.hash != changed.artifact.hash
    # Calibrated at the natural prior, whatever the forest was fitted on.
    scores = changed.judged.scores(changed.artifact) / 1e9
    assert scores.mean() == pytest.approx(changed.judged.labels.mean(), rel=0.6)

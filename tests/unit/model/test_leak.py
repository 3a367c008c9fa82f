"""The alarm stops what looks too good, and nothing that is merely good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import DAY
from crivo.model.dataset import Dataset
from crivo.model.leak import (
    Sign,
    feature_finding,
    gap_finding,
    model_finding,
    raise_alarm,
)
from tests.unit.model.worlds import SMALL, START, labelled, trained

ONES = np.ones(5_000)


def ranked(noise: float, share: float = 0.005):
    """Labels, and scores that tell them apart but for some noise."""
    generator = np.random.default_rng(2)
    labels = generator.random(5_000) < share
    return labels + noise * generator.random(5_000), labels


def test_a_ranking_without_a_fault_below_one_percent_is_suspicious():
    scores, labels = ranked(noise=0.5)
    assert model_finding(scores, labels, ONES).suspicious
    assert feature_finding("x", scores, labels, ONES).suspicious


def test_sabotage_the_same_ranking_with_noise_is_not():
    scores, labels = ranked(noise=3.0)
    assert not model_finding(scores, labels, ONES).suspicious
    assert not feature_finding("x", scores, labels, ONES).suspicious


def test_above_one_percent_a_ranking_without_a_fault_says_nothing():
    scores, labels = ranked(noise=0.5, share=0.05)
    finding = model_finding(scores, labels, ONES)
    assert not finding.suspicious
    assert finding.as_json()["found"] is None


def test_weights_that_restore_a_rare_prevalence_are_heard():
    scores, labels = ranked(noise=0.5, share=0.05)
    weights = np.where(labels, 1.0, 10.0)
    assert model_finding(scores, labels, weights).suspicious


def test_an_alarm_says_what_was_found_and_is_overridden_by_a_name_alone():
    scores, labels = ranked(noise=0.5)
    finding = model_finding(scores, labels, ONES)
    with pytest.raises(Unfit) as refusal:
        raise_alarm([finding], accepted_by="")
    assert refusal.value.code is Code.LEAK_SUSPECTED
    assert refusal.value.context == {
        "field": "model_average_precision",
        "expected": "at most 0.97",
        "found": 1.0,
    }
    raise_alarm([finding], accepted_by="Ana")


def of_their_week(rows: int = 12_000) -> Dataset:
    """Frauds share a code that holds for their week alone: what a shuffled split gives away."""
    dataset = labelled(rows=rows)
    generator = np.random.default_rng(4)
    week = (dataset.occurred_at - START) // (7 * DAY)
    code = week * 60 + generator.integers(0, 60, rows)
    # Of the codes of a week a few are those of a gang.
    gang = np.isin(code, generator.choice(np.unique(code), len(np.unique(code)) // 30))
    fraud = gang & (generator.random(rows) < 0.8)
    vectors = dataset.vectors.copy()
    vectors[:, 4] = code
    known_at = np.where(fraud, dataset.occurred_at + 7 * DAY, np.iinfo(np.int64).max)
    return replace(dataset, vectors=vectors, known_at=known_at)


def test_a_code_that_only_its_own_time_explains_stops_training():
    with pytest.raises(Unfit) as refusal:
        trained(of_their_week())
    assert refusal.value.code is Code.LEAK_SUSPECTED
    assert refusal.value.context["field"] == Sign.GAP


def test_a_gap_that_somebody_looked_at_is_recorded_with_the_name():
    result = trained(of_their_week(), replace(SMALL, leak_accepted_by="Ana"))
    (gap,) = (each for each in result.findings if each.sign is Sign.GAP)
    assert gap.suspicious
    assert result.artifact.metadata["leak"][-1]["found"] == gap.found > 0.1


def test_a_model_of_honest_rows_has_a_small_gap():
    (gap,) = (each for each in trained(labelled(rows=20_000)).findings if each.sign is Sign.GAP)
    assert abs(gap.found) < 0.1


def test_a_gap_of_few_positives_is_not_measured():
    scores, labels = ranked(noise=0.5, share=0.002)
    assert labels.sum() < 20
    finding = gap_finding(scores, -scores, labels, ONES, seed=0)
    assert not finding.suspicious
    assert finding.as_json()["found"] is None


def test_a_gap_that_may_be_chance_is_no_suspicion():
    generator = np.random.default_rng(3)
    labels = np.arange(60) < 22
    one, two = (labels + generator.normal(0, noise, 60) for noise in (1.0, 1.6))
    finding = gap_finding(one, two, labels, np.ones(60), seed=0)
    assert finding.found > 0.1
    assert not finding.suspicious

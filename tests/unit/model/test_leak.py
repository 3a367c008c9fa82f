"""The alarm stops what looks too good, and nothing that is merely good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Unfit
from crivo.domain.instant import DAY
from crivo.model.alone import most_telling
from crivo.model.dataset import Dataset
from crivo.model.leak import (
    FEATURE_PRECISION_MAX,
    GAP_MAX,
    MODEL_PRECISION_MAX,
    Finding,
    Sign,
    feature_finding,
    gap_finding,
    model_finding,
    raise_alarm,
)
from tests.unit.model.worlds import SMALL, START, labelled, trained

pytestmark = pytest.mark.slow

ONES = np.ones(5_000)


def ranked(noise: float, share: float = 0.005):
    """Labels, and scores that tell them apart but for some noise."""
    generator = np.random.default_rng(2)
    labels = generator.random(5_000) < share
    return labels + noise * generator.random(5_000), labels


def test_a_ranking_without_a_fault_below_one_percent_is_suspicious():
    scores, labels = ranked(noise=0.5)
    assert model_finding(scores, labels, ONES).suspicious
    assert feature_alone(scores, labels).suspicious


def feature_alone(scores, labels, weights=ONES) -> Finding:
    """What the alarm says of one input that is this ranking."""
    return feature_finding("x", most_telling((scores[:, None], labels, weights)), {})


def test_sabotage_the_same_ranking_with_noise_is_not():
    scores, labels = ranked(noise=3.0)
    assert not model_finding(scores, labels, ONES).suspicious
    assert not feature_alone(scores, labels).suspicious


def test_above_one_percent_a_ranking_without_a_fault_says_nothing():
    scores, labels = ranked(noise=0.5, share=0.05)
    finding = model_finding(scores, labels, ONES)
    assert not finding.suspicious
    assert finding.as_json()["found"] is None


@pytest.mark.parametrize("share", [0.005, 0.05, 0.3])
def test_a_feature_alone_is_suspicious_at_any_prevalence(share):
    scores, labels = ranked(noise=0.5, share=share)
    finding = feature_alone(scores, labels)
    assert finding.suspicious
    assert finding.as_json()["found"] == 1.0


def test_the_limits_are_those_that_stand_in_the_documents(root):
    assert (MODEL_PRECISION_MAX, FEATURE_PRECISION_MAX, GAP_MAX) == (0.97, 0.9, 0.1)
    page = (root / "docs/explanation/learning.md").read_text()
    section = " ".join(page.split("## The alarm")[1].split("##")[0].split())
    for limit in ("0.97", "0.9", "0.1"):
        assert f" {limit} " in section or f" {limit}," in section
    just_above = [
        Finding(Sign.MODEL, "the model", 0.971, MODEL_PRECISION_MAX),
        Finding(Sign.FEATURE, "x", 0.901, FEATURE_PRECISION_MAX),
        Finding(Sign.GAP, "y", 0.101, GAP_MAX, 0.0),
    ]
    assert all(each.suspicious for each in just_above)
    assert not any(replace(each, found=each.limit).suspicious for each in just_above)


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
        "expected": "not above 0.97",
        "found": 1.0,
    }
    raise_alarm([finding], accepted_by="Ana")


def test_an_alarm_about_a_feature_says_what_it_is_made_of():
    scores, labels = ranked(noise=0.5)
    alone = most_telling((scores[:, None], labels, ONES))
    finding = feature_finding("x", alone, {"x": ("TX_AMOUNT", "TX_DATETIME"), "y": ("TX_FRAUD",)})
    with pytest.raises(Unfit) as refusal:
        raise_alarm([finding], accepted_by="")
    assert "the feature x alone (rising), made of TX_AMOUNT, TX_DATETIME:" in refusal.value.message
    assert refusal.value.context["made_of"] == ["TX_AMOUNT", "TX_DATETIME"]
    assert finding.as_json()["made_of"] == ["TX_AMOUNT", "TX_DATETIME"]


@pytest.mark.parametrize("name", ["", " ", "\t \n"])
def test_a_blank_names_nobody(name):
    scores, labels = ranked(noise=0.5)
    with pytest.raises(Unfit):
        raise_alarm([model_finding(scores, labels, ONES)], accepted_by=name)


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
    context = refusal.value.context
    assert context["field"] == Sign.GAP
    assert context["found"] > context["low"]
    assert context["expected"] == "not above 0.1"


def test_a_gap_that_somebody_looked_at_is_recorded_with_the_name():
    result = trained(of_their_week(), replace(SMALL, leak_accepted_by="Ana"))
    (gap,) = (each for each in result.findings if each.sign is Sign.GAP)
    assert gap.suspicious
    told = result.artifact.metadata["leak"][-1]
    assert (told["found"], told["low"]) == (gap.found, gap.low)
    assert gap.found > gap.low > 0.1


def test_a_model_of_honest_rows_has_a_small_gap():
    (gap,) = (each for each in trained(labelled(rows=20_000)).findings if each.sign is Sign.GAP)
    assert abs(gap.found) < 0.1


def test_a_gap_of_few_positives_is_undecidable_and_that_is_said():
    scores, labels = ranked(noise=0.5, share=0.002)
    few = int(labels.sum())
    assert few < 20
    finding = gap_finding(scores, -scores, labels, ONES, groups=None, seed=0)
    assert not finding.suspicious
    told = finding.as_json()
    assert told["found"] is None
    assert told["undecidable"] == f"{few} frauds to tell by, where 20 are needed"
    assert finding.shown == f"undecidable: {told['undecidable']}"
    assert finding.undecided


@pytest.mark.parametrize(("rows", "undecided"), [(60, True), (20_000, False)])
def test_a_gap_within_the_limit_is_undecided_where_its_interval_is_not(rows, undecided):
    generator = np.random.default_rng(5)
    labels = np.arange(rows) < rows * 11 // 30
    one, two = (labels + generator.normal(0, 1.0, rows) for _ in range(2))
    finding = gap_finding(one, two, labels, np.ones(rows), groups=None, seed=0)
    assert finding.low < finding.found < finding.high
    assert (finding.suspicious, finding.undecided) == (False, undecided)
    assert finding.as_json()["high"] == finding.high
    assert f"({finding.low:.4g} to {finding.high:.4g})" in finding.shown


def test_a_gap_of_payers_who_repeat_is_as_uncertain_as_their_payers_are_few():
    """Nine equal rows of each payer say no more than one."""
    generator = np.random.default_rng(5)
    labels = np.arange(60) < 22
    one, two = (labels + generator.normal(0, 1.0, 60) for _ in range(2))
    payers = np.arange(60)
    alone = gap_finding(one, two, labels, np.ones(60), groups=payers, seed=0)
    often = [np.repeat(each, 9) for each in (one, two, labels, np.ones(60), payers)]
    repeated = gap_finding(*often[:4], groups=often[4], seed=0)
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high))
    # Sabotage: rows drawn one by one look surer than they are.
    by_row = gap_finding(*often[:4], groups=None, seed=0)
    assert by_row.high - by_row.low < (repeated.high - repeated.low) / 2


def test_a_training_draws_the_payers_of_its_gap(monkeypatch):
    asked = []

    def kept(*given, groups, seed):
        asked.append(groups)
        return gap_finding(*given, groups=groups, seed=seed)

    monkeypatch.setattr("crivo.model.train.gap_finding", kept)
    rows = labelled()
    trained(replace(rows, payers=rows.payers[np.arange(len(rows)) // 9]))
    (groups,) = asked
    assert groups is not None
    assert 1 < len(np.unique(groups)) < len(groups)


def test_a_gap_above_the_limit_is_suspicious_though_it_may_be_chance():
    """The gap itself is compared; the low end of its interval is for whoever looks."""
    generator = np.random.default_rng(3)
    labels = np.arange(60) < 22
    one, two = (labels + generator.normal(0, noise, 60) for noise in (1.0, 1.6))
    finding = gap_finding(one, two, labels, np.ones(60), groups=None, seed=0)
    assert finding.found > 0.1 > finding.low
    assert finding.suspicious
    with pytest.raises(Unfit) as refusal:
        raise_alarm([finding], accepted_by="")
    assert refusal.value.context["low"] == round(finding.low, 4)


def of_two_inputs(rows: int = 20_000) -> Dataset:
    """Neither of two inputs tells fraud alone, both together do without a fault."""
    dataset = labelled(rows=rows)
    vectors = np.random.default_rng(6).random((rows, 5))
    fraud = (vectors[:, 0] > 0.93) & (vectors[:, 1] > 0.93)
    known_at = np.where(fraud, dataset.occurred_at + 7 * DAY, np.iinfo(np.int64).max)
    return replace(dataset, vectors=vectors, known_at=known_at)


def test_a_model_that_ranks_without_a_fault_stops_training_though_no_feature_does():
    dataset = of_two_inputs()
    assert dataset.labels().mean() < 0.01
    with pytest.raises(Unfit) as refusal:
        trained(dataset)
    assert refusal.value.context["field"] == Sign.MODEL
    assert refusal.value.context["found"] > 0.97
    accepted = trained(dataset, replace(SMALL, leak_accepted_by="Ana"))
    assert [each.sign for each in accepted.findings if each.suspicious] == [Sign.MODEL]


@pytest.mark.parametrize("way", ["missing", "a value in the middle"])
def test_a_column_that_tells_otherwise_than_by_rising_stops_training(way):
    dataset = labelled(rows=12_000, offset=-6.3)
    vectors = dataset.vectors.copy()
    vectors[dataset.labels(), 4] = np.nan if way == "missing" else 0.1
    with pytest.raises(Unfit) as refusal:
        trained(replace(dataset, vectors=vectors))
    assert refusal.value.context["field"] == Sign.FEATURE
    assert "input_4 alone" in refusal.value.message

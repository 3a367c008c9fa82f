"""What the gates are told of a model is measured as it is said: weighted, median, every sign."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from crivo.flows.gating import TIMED_ROWS, figures_of, one_row_us
from crivo.model.artifact import SCORE_ONE, Artifact
from crivo.model.evaluate import average_precision
from crivo.model.leak import GAP_MAX, Sign
from tests.unit.model.worlds import labelled, trained


@pytest.fixture(scope="module")
def result():
    return trained()


def figures(artifact: Artifact, judged, champion: Artifact | None = None):
    return figures_of(
        artifact,
        champion,
        judged,
        beside=judged,
        plan_expected=artifact.plan_hash,
        size_bytes=1,
        clock=iter(range(10**9)).__next__,
        made_of={},
    )


def told(artifact: Artifact, **changes: object) -> Artifact:
    """The artifact with another note in its manifest."""
    return replace(artifact, metadata={**artifact.metadata, **changes})


def test_what_a_row_stands_for_counts_in_every_figure_of_quality(result):
    champion = trained(labelled(seed=8)).artifact
    artifact, judged = result.artifact, result.judged
    weights = np.where(judged.labels, 1.0, np.resize([0.2, 1.0, 9.0], len(judged)))
    weighed = replace(judged, weights=weights)
    found, plain = (figures(artifact, each, champion) for each in (weighed, judged))
    one, other = (
        average_precision(judged.scores(model), judged.labels, weights)
        for model in (artifact, champion)
    )
    assert found.champion_gain.value == pytest.approx(one - other)
    assert found.champion_gain.value != plain.champion_gain.value
    assert found.champion_gain.low < found.champion_gain.value < found.champion_gain.high
    chances = judged.scores(artifact) / SCORE_ONE
    ratio = (chances * weights).sum() / weights[judged.labels].sum()
    assert found.calibration_ratio.value == pytest.approx(ratio)
    assert found.calibration_ratio.value > 2 * plain.calibration_ratio.value
    assert found.calibration_ratio.low < ratio < found.calibration_ratio.high
    (error,) = (
        metric.value
        for metric in weighed.figures(judged.scores(artifact), chances=chances,
                                      reviews_per_day=1, resamples=0)
        if metric.name == "calibration_error"
    )  # fmt: skip
    assert found.calibration_error.value == error != plain.calibration_error.value


def test_the_interval_of_the_gain_over_the_champion_draws_whole_payers(result):
    champion = trained(labelled(seed=8)).artifact
    places = np.arange(len(result.judged))
    alone = replace(result.judged, groups=places)
    # Each row nine times, of one payer: nine witnesses who say the same are one.
    often = alone.of(np.repeat(places, 9))
    nobody = replace(often, groups=np.empty(0, np.int64))
    one, whole, by_row = (
        figures(result.artifact, each, champion).champion_gain for each in (alone, often, nobody)
    )
    assert (whole.low, whole.high) == pytest.approx((one.low, one.high))
    # Sabotage: rows drawn one by one look surer than they are.
    assert by_row.high - by_row.low < (whole.high - whole.low) / 2


def test_the_gain_is_over_the_best_of_the_baselines(result):
    def metrics(value: float):
        return {"average_precision": [value, value, value]}

    values = {"lightgbm": 0.5, "logistic": 0.42, "only input_0": 0.1}
    artifact = told(
        result.artifact, metrics={name: metrics(value) for name, value in values.items()}
    )
    assert figures(artifact, result.judged).baseline_gain == pytest.approx(0.08)


def test_the_median_row_is_timed_and_not_the_fastest_nor_the_first(result):
    # Two rows in five take a microsecond, the others nine; what is not timed yet takes long.
    taken = iter([50_000] * TIMED_ROWS + [each for each, _ in zip(
        cycle([1_000, 9_000, 9_000, 1_000, 9_000]), range(TIMED_ROWS), strict=False)])  # fmt: skip
    now, begun = [0], []

    def clock() -> int:
        if begun:
            begun.clear()
            now[0] += next(taken)
        else:
            begun.append(True)
        return now[0]

    assert one_row_us(result.artifact, result.judged, clock) == 9.0


@pytest.mark.parametrize("sign", [Sign.GAP, Sign.FEATURE])
def test_what_training_found_stands_at_the_promotion_too(result, sign):
    """The rows that are kept can show neither the gap nor what a tree of one input learnt."""
    assert not any(each.suspicious for each in figures(result.artifact, result.judged).leaks)
    leak = [
        {**each, "found": 0.95, "who": "whoever training found", "made_of": ["a", "b"]}
        if each["sign"] == sign
        else each
        for each in result.artifact.metadata["leak"]
    ]
    (found,) = (
        each
        for each in figures(told(result.artifact, leak=leak), result.judged).leaks
        if each.suspicious
    )
    assert (found.sign, found.found, found.who) == (sign, 0.95, "whoever training found")
    assert found.about == "whoever training found, made of a, b"


def test_an_input_that_tells_all_is_seen_at_the_promotion_whatever_training_says(result):
    judged = result.judged
    vectors = judged.vectors.copy()
    vectors[:, 2] = judged.labels
    silent = told(result.artifact, leak=[])
    named = [f"the feature {judged.names[2]} alone (rising)"]
    for rows, names in ((replace(judged, vectors=vectors), named), (judged, [])):
        leaks = figures(silent, rows).leaks
        sure = [each for each in leaks if each.sign is Sign.FEATURE and each.suspicious]
        assert [each.who for each in sure] == names


def test_a_gap_that_training_could_not_decide_is_said_to_be_so(result):
    note = {"sign": Sign.GAP, "who": "x", "found": None, "limit": GAP_MAX, "low": None}
    artifact = told(result.artifact, leak=[{**note, "undecidable": "3 frauds"}])
    *_, found = figures(artifact, result.judged).leaks
    assert (found.suspicious, found.shown) == (False, "undecidable: 3 frauds")

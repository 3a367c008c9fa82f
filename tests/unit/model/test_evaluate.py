from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from crivo.domain.instant import DAY
from crivo.model.evaluate import (
    average_precision,
    evaluate,
    known_compromised_removed,
    precision_gain,
)
from crivo.model.labels import NEVER


def drawn(seed: int = 0, rows: int = 3_000):
    generator = np.random.default_rng(seed)
    labels = generator.random(rows) < 0.05
    # Two decimals, so that there are ties.
    scores = np.round(np.clip(generator.normal(0.2 + 0.3 * labels, 0.15), 0, 1), 2)
    return scores, labels, generator.integers(1, 5, rows).astype(np.float64)


def test_figures_agree_with_scikit_learn_weights_and_ties_included():
    scores, labels, weights = drawn()
    found = {m.name: m.value for m in evaluate(scores, labels, weights, chances=scores)}
    assert found["average_precision"] == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights)
    )
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    assert found["brier"] == pytest.approx(brier_score_loss(labels, scores, sample_weight=weights))


def test_a_weight_of_three_is_three_rows():
    scores, labels, weights = drawn(rows=400)
    times = weights.astype(int)
    weighted = evaluate(scores, labels, weights, resamples=0)
    repeated = evaluate(
        np.repeat(scores, times), np.repeat(labels, times), np.ones(times.sum()), resamples=0
    )
    other = {metric.name: metric.value for metric in repeated}
    for one in weighted:
        assert one.value == pytest.approx(other[one.name]), one.name


def test_a_perfect_ranking_has_recall_one_and_intervals_of_no_width():
    labels = np.arange(2_000) < 40
    found = evaluate(labels.astype(float), labels, np.ones(2_000), resamples=30)
    for metric in found:
        assert metric.value == metric.low == metric.high == 1.0


def test_an_interval_is_as_wide_as_the_mean_of_so_many_rows_makes_it():
    generator = np.random.default_rng(8)
    chances = generator.random(4_000)
    labels = generator.random(4_000) < chances
    given = evaluate(chances, labels, np.ones(4_000), chances=chances, resamples=400)
    found = {metric.name: metric for metric in given}["brier"]
    errors = (chances - labels) ** 2
    assert found.value == pytest.approx(errors.mean())
    wide = 2 * 1.96 * errors.std() / np.sqrt(4_000)
    assert found.high - found.low == pytest.approx(wide, rel=0.2)
    assert found.low < found.value < found.high


def test_what_is_expected_is_set_over_what_came_with_its_interval():
    generator = np.random.default_rng(9)
    chances = generator.random(4_000) * 0.1
    labels = generator.random(4_000) < chances
    weights = np.where(labels, 1.0, 2.0)
    given = evaluate(chances, labels, weights, chances=chances, resamples=400)
    found = {metric.name: metric for metric in given}["expected_over_observed"]
    assert found.value == pytest.approx((chances * weights).sum() / labels.sum())
    # The frauds are what is uncertain: 1/√n of them.
    wide = 2 * 1.96 * found.value / np.sqrt(labels.sum())
    assert found.high - found.low == pytest.approx(wide, rel=0.2)


def test_a_gain_is_of_the_same_draws_and_so_surer_than_two_rankings_by_themselves():
    scores, labels, weights = drawn()
    other = scores + np.random.default_rng(1).normal(0, 0.05, len(scores))
    gain = precision_gain(scores, other, labels, weights)
    one, two = (
        {m.name: m for m in evaluate(each, labels, weights)}["average_precision"]
        for each in (scores, other)
    )
    assert gain.value == pytest.approx(one.value - two.value)
    assert gain.low < gain.value < gain.high
    assert gain.high - gain.low < (one.high - one.low) / 2
    # Of a ranking with itself there is nothing to gain, in any draw.
    same = precision_gain(scores, scores, labels, weights)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_whole_groups_are_drawn_for_a_gain():
    scores, labels, weights = drawn(rows=300)
    other = scores[::-1]
    groups = np.arange(300)
    alone = precision_gain(scores, other, labels, weights, groups=groups)
    repeated = precision_gain(
        *(np.repeat(each, 9) for each in (scores, other, labels, weights)),
        groups=np.repeat(groups, 9),
    )
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high))


def test_calibration_error_is_the_mean_distance_over_bins_of_equal_weight():
    generator = np.random.default_rng(9)
    chances = np.sort(generator.random(15_000))[::-1]
    labels = generator.random(15_000) < chances / 2
    found = {
        metric.name: metric.value
        for metric in evaluate(chances, labels, np.ones(15_000), chances=chances, resamples=0)
    }
    bins = zip(np.array_split(chances, 15), np.array_split(labels, 15), strict=True)
    expected = np.mean([abs(said.mean() - were.mean()) for said, were in bins])
    assert found["calibration_error"] == pytest.approx(expected, abs=1e-3)
    assert expected == pytest.approx(0.25, abs=0.02)


def test_equal_seeds_draw_equal_intervals():
    given = drawn()
    assert evaluate(*given, resamples=20, seed=1) == evaluate(*given, resamples=20, seed=1)
    assert evaluate(*given, resamples=20, seed=1) != evaluate(*given, resamples=20, seed=2)


def test_integer_scores_rank_like_their_fractions():
    scores, labels, _ = drawn()
    assert average_precision((scores * 1e9).astype(np.int64), labels) == pytest.approx(
        average_precision(scores, labels)
    )


def test_recall_at_a_false_positive_rate_is_read_off_by_hand():
    labels = np.zeros(101, np.bool_)
    labels[[0, 2]] = True  # one false positive (1 %) stands between the two
    found = {m.name: m.value for m in evaluate(-np.arange(101.0), labels, np.ones(101))}
    assert found["recall_at_fpr_1_percent"] == 0.5
    assert found["recall_at_fpr_5_percent"] == 1.0


def at_capacity(capacity: int, weights: np.ndarray) -> dict[str, float]:
    """Four rows in order of risk, of which the first, the third and the last are frauds."""
    labels = np.array([True, False, True, True])
    amounts = np.array([600, 50_000, 300, 100])
    metrics = evaluate(
        -np.arange(4.0), labels, weights, amounts=amounts, capacity=capacity, resamples=0
    )
    return {m.name: m.value for m in metrics if m.name.endswith("at_capacity")}


def test_what_a_team_of_three_finds_is_counted_by_hand():
    assert at_capacity(3, np.ones(4)) == {
        "precision_at_capacity": pytest.approx(2 / 3),
        "recall_at_capacity": pytest.approx(2 / 3),
        "money_recalled_at_capacity": pytest.approx(0.9),
    }


def test_a_row_that_stands_for_many_fills_the_capacity_of_many():
    found = at_capacity(3, np.array([1.0, 2.0, 1.0, 1.0]))
    assert found["precision_at_capacity"] == pytest.approx(1 / 3)
    assert found["money_recalled_at_capacity"] == pytest.approx(0.6)


def test_money_that_stands_for_many_rows_is_that_of_many():
    found = at_capacity(1, np.array([1.0, 1.0, 3.0, 1.0]))
    assert found["money_recalled_at_capacity"] == pytest.approx(600 / (600 + 3 * 300 + 100))


def test_a_quiet_day_lends_a_busy_one_nobody():
    # Three rows of the first day are the riskiest of all; people look at two a day.
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    labels = np.array([False, True, True, True, False])
    day = np.array([5, 5, 5, 9, 9])
    given = {"capacity": 2, "resamples": 0}
    found = {m.name: m.value for m in evaluate(scores, labels, np.ones(5), days=day, **given)}
    assert found["precision_at_capacity"] == 2 / 4
    assert found["recall_at_capacity"] == pytest.approx(2 / 3)
    # Four a stretch would have looked at other rows.
    other = evaluate(scores, labels, np.ones(5), capacity=4, resamples=0)
    assert {m.name: m.value for m in other}["recall_at_capacity"] == 1.0


def test_rows_in_whatever_order_are_looked_at_day_by_day():
    scores, labels, weights = drawn(rows=500)
    day = np.random.default_rng(4).integers(0, 6, 500)
    found = {
        m.name: m.value
        for m in evaluate(scores + np.arange(500) * 1e-6, labels, weights, days=day, capacity=20)
    }
    hits = looked_at = 0.0
    for each in range(6):
        rows = np.flatnonzero(day == each)
        left = 20.0
        for row in rows[np.argsort(-(scores + np.arange(500) * 1e-6)[rows])]:
            part = min(weights[row], left)
            left -= part
            looked_at += part
            hits += part * labels[row]
    assert found["precision_at_capacity"] == pytest.approx(hits / looked_at)
    assert found["recall_at_capacity"] == pytest.approx(hits / weights[labels].sum())


def test_a_row_heavier_than_what_is_left_is_looked_at_in_part():
    found = at_capacity(2, np.array([1.0, 4.0, 1.0, 1.0]))
    assert found["precision_at_capacity"] == pytest.approx(1 / 2)


def test_without_amounts_no_money_is_spoken_of():
    found = evaluate(*drawn()[:3], capacity=50, resamples=0)
    assert "precision_at_capacity" in {m.name for m in found}
    assert "money_recalled_at_capacity" not in {m.name for m in found}


def test_the_protocol_drops_payers_when_their_label_has_arrived():
    day = 86_400_000_000
    assert day == DAY
    rows = [  # payer, day, fraud
        (1, 0, True),   # in training: out of the whole test
        (1, 14, False),
        (2, 6, True),   # last training day
        (2, 14, False),
        (3, 7, True),   # known from test day 1 (day 15) on
        (3, 14, False),
        (3, 15, False),
        (4, 13, True),  # known one week later only
        (4, 20, False),
        (5, 20, True),
        (6, 21, True),  # after the test
        (7, 13, False),  # before it
    ]  # fmt: skip
    payers = np.array([[row[0], 9] for row in rows], np.uint64)
    at = np.array([row[1] * DAY + 5 for row in rows])
    fraud = np.array([row[2] for row in rows])
    known_at = np.where(fraud, at + 7 * DAY, NEVER)
    kept = known_compromised_removed(payers, at, known_at, train_start=0)
    assert [rows[i][:2] for i in np.flatnonzero(kept)] == [(3, 14), (4, 20), (5, 20)]


def test_a_payer_whose_fraud_was_told_late_stays_in_the_test_until_then():
    at = np.array([0, 14, 15, 16]) * DAY + 5
    payers = np.ones(4)
    for told, stays in ((16 * DAY, [14, 15, 16]), (15 * DAY, [14, 15]), (14 * DAY - 1, [])):
        known_at = np.array([told, NEVER, NEVER, NEVER])
        kept = known_compromised_removed(payers, at, known_at, train_start=0)
        assert (at[kept] // DAY).tolist() == stays


def test_a_figure_that_no_draw_has_has_no_interval():
    found = {
        metric.name: metric
        for metric in evaluate(np.arange(9.0), np.ones(9, np.bool_), np.ones(9), resamples=20)
    }
    assert found["average_precision"].low == 1.0
    assert np.isnan(found["auc"].low) and np.isnan(found["auc"].high)


def width(metrics, name: str = "average_precision") -> float:
    return next(metric.high - metric.low for metric in metrics if metric.name == name)


def test_rows_that_are_each_their_own_payers_are_drawn_as_rows():
    scores, labels, weights = drawn(rows=600)
    own = np.random.default_rng(4).permutation(600)
    assert width(evaluate(scores, labels, weights, groups=own, resamples=300)) == pytest.approx(
        width(evaluate(scores, labels, weights, resamples=300)), rel=0.2
    )


def test_payers_are_drawn_whole_so_that_repeated_rows_are_no_further_evidence():
    scores, labels, weights = drawn(rows=300)
    ninefold = [np.repeat(each, 9) for each in (scores, labels, weights)]
    payers = np.repeat(np.arange(300), 9)
    honest = width(evaluate(scores, labels, weights, resamples=300))
    by_payer = width(evaluate(*ninefold, groups=payers, resamples=300))
    by_row = width(evaluate(*ninefold, resamples=300))
    assert by_payer == pytest.approx(honest, rel=0.2)
    # Sabotage: drawn row by row the same witnesses, heard nine times, seem surer.
    assert by_row < by_payer / 2

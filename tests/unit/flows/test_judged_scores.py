"""Curves over thresholds are what a plain count says."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.flows.judged_scores import THRESHOLDS, JudgedScores, threshold_curves


def judged(seed: int) -> JudgedScores:
    draws = np.random.default_rng(seed)
    chances = np.round(draws.beta(0.3, 4.0, 500), 3)
    labels = draws.random(500) < chances
    labels[0] = True
    return JudgedScores(chances, labels, draws.integers(1, 9, 500).astype(np.float64))


def counted(found: JudgedScores, threshold: float) -> tuple[float, float, float]:
    """Recall, precision and load, row by row."""
    above = true = every = frauds = 0.0
    rows = zip(found.chances, found.labels, found.weights, strict=True)
    for chance, is_fraud, weight in rows:
        every += weight
        frauds += weight * is_fraud
        if chance >= threshold:
            above += weight
            true += weight * is_fraud
    return true / frauds, true / above if above else np.nan, above / every


@pytest.mark.parametrize("seed", range(5))
def test_curves_are_what_a_count_row_by_row_says(seed: int) -> None:
    found = judged(seed)
    curves = threshold_curves(found)
    assert len(curves.thresholds) == THRESHOLDS
    assert (np.diff(curves.thresholds) >= 0).all()
    for place, threshold in enumerate(curves.thresholds):
        said = (curves.recall[place], curves.precision[place], curves.load[place])
        assert said == pytest.approx(counted(found, threshold), nan_ok=True)
    assert (curves.recall[0], curves.load[0]) == (1.0, 1.0)


def test_a_row_that_changes_sides_turns_the_comparison_red() -> None:
    found = judged(1)
    labels = found.labels.copy()
    riskiest = int(np.argmax(found.chances))
    labels[riskiest] = ~labels[riskiest]
    curves = threshold_curves(JudgedScores(found.chances, labels, found.weights))
    assert curves.precision[-1] != pytest.approx(counted(found, curves.thresholds[-1])[1])

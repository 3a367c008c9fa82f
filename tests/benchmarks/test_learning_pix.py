"""The bins of the simulated world's table hold what they say."""

from __future__ import annotations

from math import exp, lgamma, log

import numpy as np
import pytest

from benchmarks.learn.bins import BIN_FRAUDS, BINS, held_by_chance, top_bins
from tests.unit.model.worlds import labelled


def test_each_bin_from_the_top_holds_fifty_frauds_and_says_how_many_were_expected():
    dataset = labelled(rows=20_000)
    chances = np.random.default_rng(1).random(len(dataset)) ** 3
    frauds = np.random.default_rng(2).random(len(dataset)) < chances / 4
    found = top_bins(frauds, dataset.weights, chances)
    assert len(found) == BINS
    # A quarter of what the scores say came true, to what fifty cases can tell.
    assert all(abs(each.value - 0.25) < 4 * 0.25 / np.sqrt(BIN_FRAUDS) for each in found)
    # A count of fifty is uncertain by its root, on either side.
    for each in found:
        assert each.low < each.value < each.high
        wide = 2 * 1.96 * each.value / np.sqrt(BIN_FRAUDS)
        assert each.high - each.low < 1.3 * wide
    assert max(each.high - each.low for each in found) > 0.05


def test_fewer_frauds_make_fewer_bins():
    dataset = labelled(rows=6_000)
    few = dataset.labels() & (np.cumsum(dataset.labels()) <= 120)
    chances = np.linspace(0.1, 0.9, len(dataset))
    assert len(top_bins(few, dataset.weights, chances)) == 120 // BIN_FRAUDS


def test_a_true_curve_holds_five_bins_of_fifty_frauds_in_half_of_the_worlds_alone():
    """Of a bin it is what a count that is expected to be 40, or 62.5, may come to."""

    def at_most(count: int, mean: float) -> float:
        return sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(count + 1))

    inside = at_most(BIN_FRAUDS - 1, 40.0) - at_most(BIN_FRAUDS - 1, 62.5)
    assert held_by_chance(0.8, 1.25) == pytest.approx(inside**BINS, abs=0.005)
    assert 0.5 < inside**BINS < 0.6


@pytest.mark.slow
def test_bins_of_true_scores_are_held_as_often_as_it_is_said():
    generator = np.random.default_rng(4)
    chances = generator.random(40_000) ** 4 / 10
    weights = np.ones(len(chances))
    held = 0
    for _ in range(60):
        found = top_bins(generator.random(len(chances)) < chances, weights, chances)
        held += all(0.8 <= each.value <= 1.25 for each in found)
    assert held / 60 == pytest.approx(held_by_chance(0.8, 1.25), abs=0.2)

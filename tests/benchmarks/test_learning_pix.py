"""The bins of the simulated world's table hold what they say."""

from __future__ import annotations

import numpy as np

from benchmarks.learn.bins import BIN_FRAUDS, BINS, top_bins
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

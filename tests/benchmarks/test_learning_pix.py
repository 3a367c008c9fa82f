"""The bins of the simulated world's table hold what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.learning_pix import BIN_FRAUDS, BINS, top_bins
from crivo.model.artifact import SCORE_ONE
from crivo.model.judged import judged_rows
from tests.unit.model.worlds import labelled


def test_each_bin_from_the_top_holds_fifty_frauds_and_says_how_many_were_expected():
    dataset = labelled(rows=20_000)
    chances = np.random.default_rng(1).random(len(dataset)) ** 3
    frauds = np.random.default_rng(2).random(len(dataset)) < chances / 4
    judged = replace(judged_rows(dataset, np.ones(len(dataset), np.bool_)), labels=frauds)
    found = top_bins(judged, np.rint(chances * SCORE_ONE).astype(np.int64))
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
    judged = judged_rows(dataset, np.ones(len(dataset), np.bool_))
    few = replace(judged, labels=judged.labels & (np.cumsum(judged.labels) <= 120))
    assert len(top_bins(few, np.arange(len(judged)))) == 120 // BIN_FRAUDS

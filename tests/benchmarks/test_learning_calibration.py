"""The curves that are compared learn from the past alone, and a distance is that of the bins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import learning_calibration
from benchmarks.harness import Setting
from benchmarks.learning_calibration import (
    BLOCKS,
    SEEDS,
    bins_of,
    distance,
    rows_of,
    scored_blocks,
)
from benchmarks.learning_pix import SEED
from crivo.model.booster import BoosterOptions
from crivo.model.calibrate import Calibrator
from crivo.model.split import FOLD_SHARE, USUAL_FOLDS
from tests.unit.model.worlds import labelled

pytestmark = pytest.mark.slow

SETTING = Setting(quick=True, machine="a machine", date="2026-01-02")
SMALL = BoosterOptions(trees=20, leaves=4, threads=1)
PLATT = Calibrator.PLATT


@pytest.fixture(scope="module")
def dataset():
    return labelled(rows=30_000, offset=-3.0)


@pytest.fixture(scope="module")
def blocks(dataset):
    return scored_blocks(dataset, SMALL)


def test_the_world_that_is_reported_chose_nothing():
    assert SEED not in SEEDS


def test_curves_of_past_blocks_learn_from_the_past_alone(dataset, blocks):
    assert len(blocks) == BLOCKS
    sizes = [int(block.rows.sum()) for block in blocks]
    assert min(sizes) > 0.95 * FOLD_SHARE * len(dataset)
    assert (np.sum([block.rows for block in blocks], axis=0) <= 1).all()
    found = distance(bins_of(dataset, blocks[:3], blocks[3], PLATT))
    assert 0 < found < 0.5
    # What became known of the past after the judged block began, and later rows, change nothing.
    start = blocks[3].start
    told = np.where(dataset.known_at > start, start + 1, dataset.known_at)
    judged = blocks[3].rows
    late = replace(dataset, known_at=np.where(judged, dataset.known_at, told))
    assert distance(bins_of(late, blocks[:3], blocks[3], PLATT)) == found
    # Sabotage: labels of the past that are all turned round are noticed.
    turned = replace(
        dataset, known_at=np.where(judged | (dataset.known_at > start), dataset.known_at, start)
    )
    assert distance(bins_of(turned, blocks[:1], blocks[3], Calibrator.BETA)) != found


def test_one_fit_is_the_oldest_of_the_past_and_a_fit_each_is_each_block_s_own(dataset, blocks):
    assert [len(block.margins) for block in blocks] == [1, 2, 3, 4, 5]
    judged, (older, newer) = blocks[3], blocks[1:3]
    each, one = (
        distance(bins_of(dataset, (older, newer), judged, PLATT, is_one=is_one))
        for is_one in (False, True)
    )
    assert each != one
    # The newer block as the older one's forest sees it, and no other.
    seen = replace(newer, margins=(newer.margins[1],))
    assert distance(bins_of(dataset, (older, seen), judged, PLATT)) == one
    assert distance(bins_of(dataset, (older,), judged, PLATT, is_one=True)) == distance(
        bins_of(dataset, (older,), judged, PLATT)
    )


def test_the_distance_of_a_block_is_that_of_its_bins(dataset, blocks, monkeypatch):
    wide = distance(bins_of(dataset, blocks[:1], blocks[1], PLATT))
    real = learning_calibration.fit_curve

    def quartered(*given):
        curve, parameters = real(*given)
        return lambda margins: curve(margins) / 4, parameters

    monkeypatch.setattr(learning_calibration, "fit_curve", quartered)
    assert distance(bins_of(dataset, blocks[:1], blocks[1], PLATT)) > wide + 1


def test_the_bins_of_the_usual_curve_stand_beside_the_distances_of_all(dataset, blocks):
    rows = list(rows_of(SETTING, "a world", dataset, SMALL))
    figures = {row.what: row.found for row in rows}
    assert len(figures) == len(rows)
    for number in range(USUAL_FOLDS, BLOCKS):
        name = f"a world, as usual, block {number + 1}, bin"
        bins = [figures[f"{name} {place}, observed / expected (at least 0.8)"] for place in (1, 5)]
        past = "beta on the last three blocks by a fit each"
        mean = figures[f"a world, {past}, block {number + 1}, mean distance of the top bins"]
        given = blocks[number - USUAL_FOLDS : number]
        found = bins_of(dataset, given, blocks[number], Calibrator.BETA)
        assert [found[0].value, found[4].value] == bins
        assert mean == distance(found)

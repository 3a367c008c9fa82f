"""Each figure of learning has one command, and it measures what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import harness, learning, learning_calibration, learning_settings
from benchmarks.harness import Setting
from benchmarks.learn import training
from benchmarks.learning_calibration import BLOCKS, distance, scored_blocks
from crivo.adapters.files.reader import FileReader
from crivo.flows.train import ROWS_SPLIT
from crivo.flows.training_rows import dataset_of_table
from crivo.model.booster import BoosterOptions
from crivo.model.calibrate import Calibrator
from crivo.model.learner import Method
from crivo.model.split import split_by_time
from tests.unit.model.worlds import labelled

SETTING = Setting(quick=True, machine="a machine", date="2026-01-02")
SMALL = BoosterOptions(trees=20, leaves=4, threads=1)


def test_learning_runs_or_names_every_benchmark_of_learning():
    every = {table.__name__.rpartition(".")[2] for table in (*learning.TABLES, *learning.LONGER)}
    assert every == {name for name in harness.names() if name.startswith("learning_")}


@pytest.mark.slow
def test_settings_are_compared_on_time_before_the_reported_test():
    dataset = replace(labelled(rows=3_000, offset=-3.5), label_delay=0)
    folds = learning_settings.earlier_folds(dataset)
    assert len(folds) == learning_settings.FOLDS
    assert folds[-1].test_end == split_by_time(dataset, ROWS_SPLIT).test_start
    # What the test holds changes nothing.
    moved = ({"trees": 5},)
    rows = list(learning_settings.compared(SETTING, dataset, folds, moved, SMALL))
    late = dataset.occurred_at >= folds[-1].test_end
    spoilt = replace(dataset, vectors=np.where(late[:, None], 0.0, dataset.vectors))
    again = list(learning_settings.compared(SETTING, spoilt, folds, moved, SMALL))
    assert [row.found for row in again] == [row.found for row in rows]
    figures = {row.what: row.found for row in rows}
    name = "ULB, earlier tenths, trees 5, AP"
    usual = figures["ULB, earlier tenths, the defaults, AP"]
    assert figures[f"{name}, more than the defaults"] == pytest.approx(figures[name] - usual)
    assert figures[f"{name}, more, standard error"] > 0


@pytest.mark.slow
def test_curves_of_past_blocks_learn_from_the_past_alone():
    dataset = labelled(rows=30_000, offset=-3.0)
    blocks = scored_blocks(dataset, SMALL)
    assert len(blocks) == BLOCKS
    sizes = [int(block.rows.sum()) for block in blocks]
    assert min(sizes) > 0.14 * len(dataset)
    assert (np.sum([block.rows for block in blocks], axis=0) <= 1).all()
    found = distance(dataset, blocks[:3], blocks[3], Calibrator.PLATT)
    assert 0 < found < 0.5
    # What became known of the past after the judged block began, and later rows, change nothing.
    start = blocks[3].start
    told = np.where(dataset.known_at > start, start + 1, dataset.known_at)
    judged = blocks[3].rows
    late = replace(dataset, known_at=np.where(judged, dataset.known_at, told))
    assert distance(late, blocks[:3], blocks[3], Calibrator.PLATT) == found
    # Sabotage: labels of the past that are all turned round are noticed.
    turned = replace(
        dataset, known_at=np.where(judged | (dataset.known_at > start), dataset.known_at, start)
    )
    assert distance(turned, blocks[:1], blocks[3], Calibrator.BETA) != found


@pytest.mark.slow
def test_the_distance_of_a_block_is_that_of_its_bins(monkeypatch):
    dataset = labelled(rows=30_000, offset=-3.0)
    blocks = scored_blocks(dataset, SMALL)
    wide = distance(dataset, blocks[:1], blocks[1], Calibrator.PLATT)
    real = learning_calibration.fit_curve

    def halved(*given):
        curve, parameters = real(*given)
        return lambda margins: curve(margins) / 4, parameters

    monkeypatch.setattr(learning_calibration, "fit_curve", halved)
    assert distance(dataset, blocks[:1], blocks[1], Calibrator.PLATT) > wide + 1


@pytest.mark.slow
def test_the_training_that_is_timed_is_crivos_own_of_the_rows_that_it_says(tmp_path):
    table = training.written(tmp_path / "rows.parquet", 9_000)
    dataset = dataset_of_table(FileReader(table), training.mapping(), progress=lambda *_: None)
    vectors, labels = training.drawn(9_000)
    assert dataset.vectors.tobytes() == vectors.tobytes()
    assert (dataset.labels() == labels).all()
    assert len(dataset.names) == training.FEATURES
    assert 0.005 < labels.mean() < 0.02
    # A regression goes the same way as the forests, in a tenth of the time.
    taken = training.trained(9_000, method=Method.LOGISTIC)
    assert min(taken.reading, taken.fitting, taken.keeping) > 0
    assert taken.whole == pytest.approx(taken.reading + taken.fitting + taken.keeping)
    assert taken.model == training.trained(9_000, method=Method.LOGISTIC).model

"""What is chosen is chosen before the calibration begins, and the model says of how many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.flows.choosing import FOLDS, chosen, fold_options
from crivo.model.prequential import prequential_folds
from crivo.model.split import SplitOptions, split_by_time
from tests.unit.model.worlds import SMALL, labelled

DATASET = labelled()
QUICK = replace(SMALL, booster=replace(SMALL.booster, trees=10, bins_max=63))


def choose(tmp_path, dataset=DATASET, tries: int = 3):
    return chosen(
        dataset,
        SplitOptions(),
        QUICK,
        tries=tries,
        file=tmp_path / "tries",
        progress=lambda stage, done, total: None,
    )


def test_folds_end_where_the_training_rows_end_and_begin_where_they_begin():
    split = split_by_time(DATASET, SplitOptions())
    folds = prequential_folds(DATASET, fold_options(DATASET, SplitOptions()))
    assert len(folds) == FOLDS
    assert folds[-1].test_end == split.train_end
    assert abs(folds[0].train_start - split.train_start) < 10
    assert all(fold.test_start - fold.train_end == DATASET.label_delay for fold in folds)


def test_one_try_is_no_search(tmp_path):
    assert choose(tmp_path, tries=1) is QUICK
    assert not (tmp_path / "tries").exists()


def test_the_options_say_how_many_were_tried(tmp_path):
    options = choose(tmp_path)
    assert options.tried == 3
    assert options.calibrator is QUICK.calibrator


def test_labels_after_the_training_rows_change_nothing(tmp_path):
    split = split_by_time(DATASET, SplitOptions())
    later = DATASET.occurred_at >= split.train_end
    known_at = np.where(later, DATASET.known_at[::-1], DATASET.known_at)
    # The labels of later rows are dealt anew; those of training rows stay.
    known_at = np.where(later & (known_at < DATASET.occurred_at), DATASET.labels_as_of, known_at)
    other = replace(DATASET, known_at=known_at)
    assert other.hash != DATASET.hash
    assert choose(tmp_path, other) == choose(tmp_path)


def test_a_history_that_is_all_gap_is_too_short_to_choose_by():
    dataset = labelled(days=22)
    with pytest.raises(Refused) as refusal:
        fold_options(dataset, SplitOptions())
    assert refusal.value.code is Code.DATA_TOO_SMALL

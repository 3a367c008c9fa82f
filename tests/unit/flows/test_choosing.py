"""What is chosen is chosen before the calibration begins, and the model says of how many."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.flows import choosing as module
from crivo.flows.choosing import FOLDS, chosen, fold_options
from crivo.model.labels import NEVER
from crivo.model.prequential import prequential_folds
from crivo.model.search import search
from crivo.model.split import SplitOptions, split_by_time
from tests.unit.model.worlds import SMALL, labelled

pytestmark = pytest.mark.slow

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


def test_each_try_is_told_with_its_number_and_the_best_so_far_also_after_an_interruption(tmp_path):
    def told(tries: int) -> list[str]:
        said: list[str] = []
        chosen(
            DATASET,
            SplitOptions(),
            QUICK,
            tries=tries,
            file=tmp_path / "tries",
            progress=lambda stage, done, total: said.append(f"{done}/{total} {stage}"),
        )
        return said

    first, later = told(2), told(3)
    pattern = re.compile(r"(\d)/(\d) try \1 of \2, best average precision so far (0\.\d{4})")
    found = [pattern.fullmatch(each) for each in (*first, *later)]
    assert all(found), (first, later)
    assert [match[1] + match[2] for match in found if match] == ["12", "22", "23", "33"]
    best = [float(match[3]) for match in found if match]
    assert best == sorted(best)


def test_the_options_say_how_many_were_tried(tmp_path):
    options = choose(tmp_path)
    assert options.tried == 3
    assert options.calibrator is QUICK.calibrator


@pytest.mark.slow
def test_labels_after_the_training_rows_change_nothing(tmp_path):
    split = split_by_time(DATASET, SplitOptions())
    later = DATASET.occurred_at >= split.train_end
    # The labels of later rows are dealt anew; those of training rows stay.
    dealt = np.where(DATASET.labels()[::-1], DATASET.occurred_at + DATASET.label_delay, NEVER)
    other = replace(DATASET, known_at=np.where(later, dealt, DATASET.known_at))
    assert other.hash != DATASET.hash
    assert choose(tmp_path, other) == choose(tmp_path)


def test_labels_of_training_rows_that_came_after_the_calibration_began_choose_nothing(
    tmp_path, monkeypatch
):
    precisions = []

    def noted(*given, **named):
        found = search(*given, **named)
        precisions.append(found.average_precision)
        return found

    monkeypatch.setattr(module, "search", noted)
    split = split_by_time(DATASET, SplitOptions())
    some = split.train(DATASET) & DATASET.labels() & (np.arange(len(DATASET)) % 3 == 0)
    folds = prequential_folds(DATASET, fold_options(DATASET, SplitOptions()))
    assert (some & folds[-1].test(DATASET)).any()
    for known in (split.calibration_start + 1, NEVER, split.calibration_start):
        choose(tmp_path, replace(DATASET, known_at=np.where(some, known, DATASET.known_at)))
    late, never, in_time = precisions
    assert late == never != in_time


def test_a_history_that_is_all_gap_is_too_short_to_choose_by():
    dataset = labelled(days=22)
    with pytest.raises(Refused) as refusal:
        fold_options(dataset, SplitOptions())
    assert refusal.value.code is Code.DATA_TOO_SMALL

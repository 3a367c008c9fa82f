"""The curve is of folds in time: each is scored by a fit that ended a label delay before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.instant import DAY, parse_rfc3339
from crivo.model import train as module
from crivo.model.dataset import Dataset
from crivo.model.judged import judged_rows
from crivo.model.labels import NEVER
from crivo.model.split import (
    FIRST_POSITIVES_ENOUGH,
    FOLD_SHARE,
    USUAL_FOLDS,
    Cuts,
    Split,
    SplitOptions,
    split_by_time,
)
from tests.unit.model.worlds import SMALL, START, labelled

ROWS = labelled(rows=20_000)


def test_of_enough_frauds_three_folds_are_calibrated_on_each_after_a_fit_of_its_own():
    split = split_by_time(ROWS, SplitOptions())
    assert len(split.calibration_starts) == USUAL_FOLDS == 3
    assert split.calibration_starts[0] == split.calibration_start
    every = np.zeros(len(ROWS), int)
    for start, before, fold in split.folds(ROWS):
        assert start - ROWS.occurred_at[before].max() >= ROWS.label_delay
        assert ROWS.occurred_at[before].min() == ROWS.occurred_at.min()
        assert ROWS.occurred_at[fold].min() >= start
        assert fold.sum() == pytest.approx(FOLD_SHARE * len(ROWS), abs=2)
        every += fold
    assert every.tolist() == split.calibration(ROWS).astype(int).tolist()
    learnt = [before for _, before, _ in split.folds(ROWS)]
    assert learnt[0].tolist() == split.train(ROWS).tolist()
    assert learnt[0].sum() < learnt[1].sum() < learnt[2].sum()


def test_of_fewer_frauds_two_folds_are_if_those_leave_enough():
    some = labelled(rows=10_000)
    split = split_by_time(some, SplitOptions())
    assert len(split.calibration_starts) == 2
    assert split.positives_train >= FIRST_POSITIVES_ENOUGH
    longer = split_by_time(some, SplitOptions(calibration_share=3 * FOLD_SHARE))
    assert longer.positives_train < FIRST_POSITIVES_ENOUGH


def test_of_few_frauds_one_fold_is_calibrated_on_so_that_more_teach_its_fit():
    few = labelled(rows=3_000)
    split = split_by_time(few, SplitOptions())
    assert len(split.calibration_starts) == 1
    long = split_by_time(few, SplitOptions(calibration_share=2 * FOLD_SHARE))
    assert long.positives_train < FIRST_POSITIVES_ENOUGH
    assert split.positives_train > long.positives_train
    ((start, before, fold),) = split.folds(few)
    assert start == split.calibration_start
    assert before.tolist() == split.train(few).tolist()
    assert fold.tolist() == split.calibration(few).tolist()


@pytest.mark.parametrize(("share", "folds"), [(0.1, 1), (0.15, 1), (0.3, 2), (0.45, 3)])
def test_a_share_that_was_asked_for_has_a_fold_for_each_part_as_long_as_the_usual(share, folds):
    split = split_by_time(ROWS, SplitOptions(calibration_share=share))
    assert len(split.calibration_starts) == folds
    assert split.rows_calibration == pytest.approx(share * len(ROWS), abs=2)
    said = split.as_json()["calibration_starts"].split(", ")
    assert [parse_rfc3339(each) // 10**6 for each in said] == [
        each // 10**6 for each in split.calibration_starts
    ]


def test_parts_that_are_told_where_to_end_have_folds_of_the_same_length():
    cuts = Cuts(START + 40 * DAY, START + 77 * DAY)
    split = split_by_time(ROWS, SplitOptions(cuts=cuts))
    days = [round((each - START) / DAY) for each in split.calibration_starts]
    assert days == [47, 62]


def known_from(rows: np.ndarray, instant: int) -> Dataset:
    return replace(ROWS, known_at=np.where(rows, instant, ROWS.known_at))


def margins_of(dataset: Dataset, split: Split) -> np.ndarray:
    """float64: of the calibration rows, by the first fits."""
    held = judged_rows(dataset, split.calibration(dataset), known_by=split.test_start)
    return module._first_fits(dataset, split, held, SMALL).margins


def in_fold(split: Split, number: int) -> np.ndarray:
    """bool: of the calibration rows those in that fold."""
    return split.folds(ROWS)[number][2][split.calibration(ROWS)]


@pytest.mark.slow
def test_what_became_known_as_a_fold_began_teaches_its_fit_and_none_of_an_earlier_fold():
    split = split_by_time(ROWS, SplitOptions())
    last = split.calibration_starts[-1]
    some = split.train(ROWS) & ROWS.labels() & (np.arange(len(ROWS)) % 5 == 0)
    assert some.sum() > 20
    in_time, late, never = (
        margins_of(known_from(some, at), split) for at in (last, last + 1, NEVER)
    )
    assert late.tobytes() == never.tobytes()
    own = in_fold(split, USUAL_FOLDS - 1)
    assert in_time[~own].tobytes() == never[~own].tobytes()
    assert in_time[own].tobytes() != never[own].tobytes()


@pytest.mark.slow
def test_a_fold_s_own_rows_and_later_ones_teach_its_fit_nothing():
    split = split_by_time(ROWS, SplitOptions())
    _, before, fold = split.folds(ROWS)[0]
    # Sabotage: what stands before the fold moves its margins.
    for rows, is_same in ((ROWS.occurred_at >= split.train_end, True), (before, False)):
        turned = rows & ~fold & ROWS.labels() & (np.arange(len(ROWS)) % 2 == 0)
        margins = margins_of(known_from(turned, NEVER), split)
        usual = margins_of(ROWS, split)
        first = in_fold(split, 0)
        assert (margins[first].tobytes() == usual[first].tobytes()) is is_same

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY
from crivo.model.capacity import daily_payer_precision
from crivo.model.dataset import Dataset
from crivo.model.prequential import FoldOptions, earlier, folds_as_json, prequential_folds
from tests.unit.model.worlds import START, labelled

OPTIONS = FoldOptions(end=START + 100 * DAY)


def with_few_payers(payers: int = 300) -> Dataset:
    dataset = labelled()
    numbers = np.random.default_rng(3).integers(0, payers, len(dataset))
    return replace(dataset, payers=numbers + 1)


def violations(dataset: Dataset, options: FoldOptions) -> list[str]:
    """What of the protocol does not hold of these folds."""
    found = []
    folds = prequential_folds(dataset, options)
    for fold in folds:
        train, test = fold.train(dataset), fold.test(dataset)
        at = dataset.occurred_at
        if (train & test).any():
            found.append("a row is in both")
        if at[train].max() + options.delay > at[test].min() + DAY:
            found.append("no gap")
        learnt = dataset.known_at[train & fold.labels_to_learn(dataset)]
        if (learnt > fold.test_start).any():
            found.append("a label from the future")
        if (train.sum(), test.sum()) != (fold.rows_train, fold.rows_test):
            found.append("sizes")
    tests = np.sum([fold.test(dataset) for fold in folds], axis=0)
    if tests.max() > 1:
        found.append("a row is judged twice")
    return found


def test_folds_follow_each_other_and_each_learns_from_its_own_past():
    dataset = with_few_payers()
    assert violations(dataset, OPTIONS) == []
    folds = prequential_folds(dataset, OPTIONS)
    assert [fold.test_end for fold in folds] == [OPTIONS.end - k * 7 * DAY for k in (3, 2, 1, 0)]
    assert all(fold.test_start - fold.train_end == 7 * DAY for fold in folds)
    assert all(fold.train_end - fold.train_start == 7 * DAY for fold in folds)


def test_sabotage_a_gap_shorter_than_the_delay_of_labels_is_noticed():
    # A day's gap, and labels that need seven: the fold itself must not read them.
    dataset = with_few_payers()
    folds = prequential_folds(dataset, replace(OPTIONS, delay=DAY, train=14 * DAY))
    for fold in folds:
        late = fold.train(dataset) & dataset.labels() & (dataset.known_at > fold.test_start)
        assert late.any()
        assert not fold.labels_to_learn(dataset)[late].any()


def test_longer_training_is_judged_by_the_same_rows():
    dataset = with_few_payers()
    short = prequential_folds(dataset, OPTIONS)
    long = prequential_folds(dataset, replace(OPTIONS, train=40 * DAY))
    for one, other in zip(short, long, strict=True):
        assert (one.test(dataset) == other.test(dataset)).all()
        assert other.rows_train > one.rows_train


def test_payers_known_as_compromised_leave_the_test_only_if_asked():
    dataset = with_few_payers()
    without = prequential_folds(dataset, OPTIONS)
    with_all = prequential_folds(dataset, replace(OPTIONS, compromised_days=None))
    assert all(fold.rows_removed == 0 for fold in with_all)
    for one, other in zip(without, with_all, strict=True):
        assert one.rows_removed > 0
        assert one.rows_test + one.rows_removed == other.rows_test


def test_payers_that_are_judged_apart_were_never_learnt_from():
    dataset = with_few_payers(2_000)
    numbers = dataset.payers
    for fold in prequential_folds(dataset, replace(OPTIONS, train=40 * DAY, apart=0.3)):
        learnt, judged = (set(numbers[rows]) for rows in (fold.train(dataset), fold.test(dataset)))
        assert learnt and judged and not learnt & judged
    # Without it most who are judged were learnt from: the law looks at something.
    for fold in prequential_folds(dataset, replace(OPTIONS, train=40 * DAY)):
        learnt, judged = (set(numbers[rows]) for rows in (fold.train(dataset), fold.test(dataset)))
        assert len(learnt & judged) > len(judged) / 3
    one, other = (
        prequential_folds(dataset, replace(OPTIONS, compromised_days=None, apart=share))[0]
        for share in (0.3, None)
    )
    assert one.rows_test / other.rows_test == pytest.approx(0.3, abs=0.08)
    assert one.rows_train / other.rows_train == pytest.approx(0.7, abs=0.08)


def test_what_is_chosen_by_earlier_folds_has_seen_nothing_of_the_tests():
    dataset = with_few_payers()
    first_test = prequential_folds(dataset, OPTIONS)[0].test_start
    for fold in prequential_folds(dataset, earlier(OPTIONS)):
        judged = fold.test(dataset) & dataset.labels()
        assert fold.test_end + 7 * DAY <= first_test
        assert (dataset.known_at[judged] <= first_test).all()


def test_dates_and_sizes_are_recorded():
    (first, *_) = folds_as_json(prequential_folds(with_few_payers(), OPTIONS))
    assert first["test_start"] == "2020-11-24T12:26:40Z"
    assert first["rows_train"] > first["positives_train"] > 0
    assert first["compromised_days"] == 7


@pytest.mark.parametrize(
    "options", [replace(OPTIONS, train=90 * DAY), replace(OPTIONS, end=START + 10 * DAY)]
)
def test_folds_before_the_data_begins_are_refused(options):
    with pytest.raises(Refused) as refusal:
        prequential_folds(labelled(), options)
    assert refusal.value.code is Code.DATA_TOO_SMALL


def test_a_fold_without_a_positive_is_refused():
    dataset = labelled()
    late = replace(dataset, known_at=np.maximum(dataset.known_at, dataset.labels_as_of))
    with pytest.raises(Refused) as refusal:
        prequential_folds(late, OPTIONS)
    assert refusal.value.context["field"] == "positives_train"


def test_a_team_of_two_finds_what_is_counted_by_hand():
    rows = [  # day, payer, score, fraud
        (0, 1, 0.9, False),
        (0, 2, 0.1, False),
        (0, 2, 0.8, True),   # payer 2 is looked at by the riskiest row
        (0, 3, 0.7, True),   # beyond the capacity
        (1, 2, 0.9, True),   # found yesterday: not looked at again
        (1, 3, 0.6, True),
        (1, 4, 0.2, False),
        (1, 5, 0.1, True),
    ]  # fmt: skip
    day, payer, score, fraud = (np.array(column) for column in zip(*rows, strict=True))
    found = daily_payer_precision(score, fraud, payer, day, capacity=2)
    assert found == (1 / 2 + 1 / 2) / 2


def test_sabotage_a_payer_who_is_found_again_would_count_more():
    # Without removal payer 2 would fill day 1 as well.
    day = np.array([0, 1])
    found = daily_payer_precision(
        np.array([0.9, 0.9]), np.array([True, True]), np.array([2, 2]), day, capacity=1
    )
    assert found == 0.5


def test_an_equal_ranking_in_integers_finds_the_same():
    generator = np.random.default_rng(1)
    score, day = generator.random(3_000), generator.integers(0, 7, 3_000)
    payers, fraud = generator.integers(0, 400, 3_000), generator.random(3_000) < 0.05
    one = daily_payer_precision(score, fraud, payers, day, capacity=20)
    two = np.stack([payers, payers], axis=1)
    scaled = (score * 2**40).astype(np.int64)
    assert one == daily_payer_precision(scaled, fraud, two, day, capacity=20) > 0

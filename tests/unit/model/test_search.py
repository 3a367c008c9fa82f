"""A search keeps to its folds and its budget, and an interrupted one ends where it would have."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import ANY

import numpy as np
import pytest

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY
from crivo.model import search as module
from crivo.model.booster import BoosterOptions
from crivo.model.labels import NEVER
from crivo.model.prequential import FoldOptions, earlier, prequential_folds
from crivo.model.search import precision_on, search
from tests.unit.model.worlds import START, labelled

pytestmark = pytest.mark.slow

DATASET = labelled(rows=4_000)
TESTS = FoldOptions(
    end=START + 100 * DAY, folds=2, train=21 * DAY, test=7 * DAY, compromised_days=None
)
FOLDS = prequential_folds(DATASET, earlier(TESTS))
FIRST = BoosterOptions(trees=20, leaves=4, bins_max=63, threads=1)


def found(file, budget: int = 3, dataset=DATASET, start: BoosterOptions = FIRST):
    said = []
    result = search(
        dataset,
        FOLDS,
        start=start,
        budget=budget,
        file=file,
        progress=lambda done, of, best: said.append((done, of, best)),
    )
    return result, said


def test_the_first_try_is_the_start_so_nothing_worse_is_chosen(tmp_path):
    result, said = found(tmp_path / "tries")
    assert [each[:2] for each in said] == [(1, 3), (2, 3), (3, 3)]
    assert result.tried == 3
    begun = np.mean([precision_on(DATASET, fold, FIRST) for fold in FOLDS])
    assert result.average_precision >= begun
    again = np.mean([precision_on(DATASET, fold, result.options) for fold in FOLDS])
    assert again == pytest.approx(result.average_precision)


def test_a_try_learns_no_label_that_came_after_its_fold_s_test_began():
    fold = FOLDS[-1]
    some = fold.train(DATASET) & DATASET.labels() & (np.arange(len(DATASET)) % 2 == 0)
    assert some.sum() > 3
    late, never, in_time = (
        precision_on(
            replace(DATASET, known_at=np.where(some, known, DATASET.known_at)), fold, FIRST
        )
        for known in (fold.test_start + 1, NEVER, fold.test_start)
    )
    assert late == never != in_time


def test_what_is_worse_than_the_median_is_stopped_early_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_UNPRUNED", 1)
    asked = []

    def worse(dataset, fold, options):
        # Each try is worse than the one before on every fold.
        asked.append(fold)
        return 1.0 / len(asked)

    monkeypatch.setattr(module, "precision_on", worse)
    result, _ = found(tmp_path / "tries", budget=5)
    assert result.pruned == 4
    assert result.tried == 5
    assert len(asked) == len(FOLDS) + 4


def test_an_interrupted_search_ends_where_it_would_have(tmp_path):
    whole, _ = found(tmp_path / "whole", budget=4)
    found(tmp_path / "parts", budget=2)
    rest, said = found(tmp_path / "parts", budget=4)
    assert [each[:2] for each in said] == [(2, 4), (3, 4), (4, 4)]
    assert rest == whole


def test_a_file_that_a_greater_budget_filled_gives_what_an_empty_one_does(tmp_path):
    greater, _ = found(tmp_path / "filled", budget=6)
    smaller, said = found(tmp_path / "filled", budget=2)
    assert smaller == found(tmp_path / "empty", budget=2)[0]
    assert [each[:2] for each in said] == [(2, 2)]
    assert greater.average_precision > smaller.average_precision
    assert (greater.tried, smaller.tried) == (6, 2)


def test_sabotage_a_changed_byte_of_what_was_tried_is_refused(tmp_path):
    file = tmp_path / "tries"
    found(file, budget=2)
    whole = file.read_bytes()
    digit = whole.index(b'"values":[0.') + len(b'"values":[0.')
    for place in (0, len(whole) // 3, digit, len(whole) - 2):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Misconfigured) as refusal:
            found(file, budget=3)
        assert refusal.value.code is Code.ARTIFACT_INVALID
        assert refusal.value.context["file"] == str(file)
    file.write_bytes(b"\xff\xfe no journal\n")
    with pytest.raises(Misconfigured):
        found(file)


def test_a_line_that_a_killed_process_began_is_none(tmp_path):
    file = tmp_path / "tries"
    found(file, budget=2)
    with file.open("ab") as opened:
        opened.write(b'{"op_code":')
    assert found(file, budget=3) == (found(tmp_path / "whole")[0], [(2, 3, ANY), (3, 3, ANY)])


def test_each_try_says_the_best_so_far_which_never_falls(tmp_path):
    result, said = found(tmp_path / "tries", budget=4)
    best = [each[2] for each in said]
    assert best == sorted(best)
    begun = np.mean([precision_on(DATASET, fold, FIRST) for fold in FOLDS])
    assert best[0] == pytest.approx(begun)
    assert best[-1] == result.average_precision


@pytest.mark.slow
@pytest.mark.parametrize("folds_judged", [0, 1, 3])
def test_a_try_that_was_killed_is_not_counted(tmp_path, monkeypatch, folds_judged):
    left = [folds_judged]

    def killed(*arguments: object) -> float:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return precision_on(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(module, "precision_on", killed)
        with pytest.raises(KeyboardInterrupt):
            found(tmp_path / "tries")
    assert found(tmp_path / "tries")[0] == found(tmp_path / "whole")[0]


@pytest.mark.slow
def test_what_is_not_searched_stays_and_another_start_is_another_study(tmp_path):
    result, _ = found(tmp_path / "tries")
    assert (result.options.seed, result.options.threads) == (0, 1)
    assert result.options.bins_max == 63
    _, said = found(tmp_path / "tries", start=replace(FIRST, seed=5))
    assert said[0][:2] == (1, 3)


@pytest.mark.slow
def test_the_labels_of_the_tests_change_nothing_of_a_search(tmp_path):
    result, _ = found(tmp_path / "tries")
    first_test = TESTS.end - 2 * TESTS.test
    later = DATASET.occurred_at >= first_test
    flipped = replace(
        DATASET, known_at=np.where(later, DATASET.occurred_at + DAY, DATASET.known_at)
    )
    assert flipped.hash != DATASET.hash
    assert found(tmp_path / "tries", dataset=flipped)[0] == result


def test_sabotage_labels_of_the_searched_folds_change_it(tmp_path):
    result, _ = found(tmp_path / "tries")
    rows = FOLDS[-1].test(DATASET)
    swapped = replace(DATASET, known_at=np.where(rows, DATASET.known_at[::-1], DATASET.known_at))
    assert found(tmp_path / "tries", dataset=swapped)[0] != result

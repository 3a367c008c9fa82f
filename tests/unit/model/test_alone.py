"""An input that tells fraud alone is found in whatever way it does, and noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.model import alone as module
from crivo.model.alone import Way, most_telling

ROWS = 8_000


def given(share: float = 0.01, seed: int = 3):
    """Three inputs that say nothing, the second with nulls; labels; weights."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(ROWS, 3))
    vectors[generator.random(ROWS) < 0.2, 1] = np.nan
    return vectors, generator.random(ROWS) < share, np.ones(ROWS)


def parts(vectors, labels, weights):
    """The later half, and the earlier one to learn from."""
    half = ROWS // 2
    return tuple(each[half:] for each in (vectors, labels, weights)), tuple(
        each[:half] for each in (vectors, labels, weights)
    )


def telling(way: str, vectors, labels):
    """The third input as one that was written after the fact."""
    column = vectors[:, 2].copy()
    match way:
        case "rising":
            column[labels] = 9.0
        case "falling":
            column[labels] = -9.0
        case "missing":
            column[labels] = np.nan
        case "present":
            column[~labels] = np.nan
        case "a value in the middle":
            column[labels] = 0.1
        case "two ends":
            column[labels] = np.where(np.arange(labels.sum()) % 2, 9.0, -9.0)
        case "a great number beside others":
            column = np.where(labels, 1e15 + 1, 1e15 + np.round(column) * 2)
    return np.column_stack([vectors[:, :2], column])


WAYS = {
    "rising": Way.RISING,
    "falling": Way.FALLING,
    "missing": Way.MISSING,
    "present": Way.RISING,
    "a value in the middle": Way.PARTS,
    "two ends": Way.PARTS,
    "a great number beside others": Way.PARTS,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", [0.01, 0.2])
def test_an_input_written_after_the_fact_is_found_in_whatever_way_it_tells(way, share):
    vectors, labels, weights = given(share)
    found = most_telling(*parts(telling(way, vectors, labels), labels, weights))
    assert found.index == 2
    assert found.average_precision > 0.9
    assert found.way is WAYS[way]


def test_sabotage_inputs_that_say_nothing_tell_nothing():
    judge, learn = parts(*given())
    assert most_telling(judge, learn).average_precision < 0.1


def test_without_rows_to_learn_from_no_tree_is_asked():
    vectors, labels, weights = given()
    found = most_telling((telling("a value in the middle", vectors, labels), labels, weights))
    assert found.way is not Way.PARTS
    assert found.average_precision < 0.1


def test_the_tree_learns_nothing_of_the_rows_that_it_is_judged_by():
    judge, learn = parts(*given())
    vectors = telling("a value in the middle", *given()[:2])
    leaking, _ = parts(vectors, *given()[1:])
    assert most_telling(leaking, learn).average_precision < 0.1
    assert most_telling(judge, (vectors[: ROWS // 2], *learn[1:])).average_precision < 0.1


def test_of_many_rows_a_leak_shows_on_those_that_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "OTHERS_MAX", 2_000)
    vectors, labels, weights = given()
    found = most_telling(*parts(telling("two ends", vectors, labels), labels, weights))
    assert (found.index, found.way) == (2, Way.PARTS)
    assert found.average_precision > 0.9
    # What is drawn stands for all: noise is no leak of the rows that are left.
    assert most_telling(*parts(vectors, labels, weights)).average_precision < 0.1


@pytest.mark.parametrize("labels", [np.zeros(ROWS, np.bool_), np.ones(ROWS, np.bool_)])
def test_rows_of_one_kind_to_learn_from_teach_no_tree(labels):
    vectors, mixed, weights = given()
    judge = parts(vectors, mixed, weights)[0]
    assert most_telling(judge, (vectors, labels, weights)).average_precision < 0.1


def test_without_a_fraud_nothing_is_measured():
    vectors, labels, weights = given()
    found = most_telling((vectors, np.zeros_like(labels), weights))
    assert np.isnan(found.average_precision)


def test_an_input_that_is_always_null_is_no_leak():
    vectors, labels, weights = given()
    vectors[:, 2] = np.nan
    judge, learn = parts(vectors, labels, weights)
    assert most_telling(judge, learn).average_precision < 0.1


def test_what_a_row_stands_for_is_heard_of_negatives_too(monkeypatch):
    """One honest row above all frauds hides the leak where it stands for many, drawn or not."""
    vectors, labels, weights = given()
    vectors[:, 2] = np.where(labels, 9.0, 0.0)
    above = np.flatnonzero(~labels)[:3]
    vectors[above, 2] = 10.0
    heavy = np.where(np.isin(np.arange(ROWS), above), 10_000.0, weights)
    assert most_telling((vectors, labels, weights)).average_precision > 0.9
    for most in (ROWS, 4_000):
        monkeypatch.setattr(module, "OTHERS_MAX", most)
        found = [
            most_telling((vectors, labels, heavy), seed=seed).average_precision for seed in range(4)
        ]
        assert min(found) < 0.05


def test_the_drawn_stand_for_those_left_out(monkeypatch):
    vectors, labels, weights = given()
    monkeypatch.setattr(module, "OTHERS_MAX", 500)
    _, kept, raised = module._drawn(vectors, labels, weights * 2.0, seed=1)
    assert raised[~kept].sum() == pytest.approx(2.0 * (~labels).sum())
    assert (raised[kept] == 2.0).all()

"""The cost model: more skew costs more, a whole log on one core has an end, shards have none."""

from __future__ import annotations

import pytest

from benchmarks.load.cost_model import BUSY, cores, sharded_cores, skew

EQUAL, FEW = [1], [1] * 999 + [5_000]


def test_skew_grows_with_partitions_and_with_unequal_accounts():
    even = [skew(EQUAL, accounts=20_000, partitions=each, seed=1) for each in (4, 64, 256)]
    assert 1 <= even[0] < even[1] < even[2] < 1.6
    assert skew(FEW, accounts=20_000, partitions=64, seed=1) > 1.5
    assert skew(EQUAL, accounts=100, partitions=1, seed=1) == pytest.approx(1)


def test_workers_are_those_whose_fullest_is_just_not_too_busy():
    terms = {"fold_seconds": 10e-6, "decide_seconds": 50e-6, "fullest": 1.2}
    found = cores(20_000, **terms)
    assert found is not None
    busiest = [20_000 * (10e-6 + 50e-6 * 1.2 / each) for each in (found - 1, found)]
    assert busiest[0] > BUSY >= busiest[1]


def test_no_number_of_workers_folds_more_than_one_core_can_and_shards_do():
    terms = {"fold_seconds": 10e-6, "decide_seconds": 50e-6, "fullest": 1.2}
    assert cores(70_000, **terms) is None
    assert cores(69_000, **terms) > 100
    one, ten = (sharded_cores(rate, **terms) for rate in (100_000, 1_000_000))
    assert 9 * one < ten <= 10 * one

"""The cost model: more skew costs more, a whole log on one core has an end, shards have none."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.load.cost_model import (
    BUSY,
    busiest,
    cores,
    merged,
    places,
    sharded_cores,
)
from crivo.domain.streams import partition_of

ACCOUNTS = 8_000
EVEN, UNEVEN = np.ones(64), np.r_[np.ones(63), 20.0]
TERMS = {"fold_seconds": 10e-6, "decide_seconds": 50e-6}


def loads(made, partitions=256):
    at = places(ACCOUNTS, partitions=partitions, seed=1)
    return np.bincount(at, weights=made, minlength=partitions)


def test_skew_grows_with_partitions_and_with_unequal_accounts():
    equal = loads(np.ones(ACCOUNTS))
    even = [busiest(equal, each) for each in (1, 4, 64, 256)]
    assert even[0] == 1
    assert 1 < even[1] < even[2] < even[3] < 1.9
    few = np.where(np.arange(ACCOUNTS) % 1_000 == 0, 5_000.0, 1.0)
    assert busiest(loads(few), 64) > 2 * even[2]


def test_partitions_that_are_dealt_to_a_divisor_of_their_number_are_that_many_partitions():
    dealt = merged(loads(np.ones(ACCOUNTS), partitions=64), 16)
    assert dealt.tolist() == loads(np.ones(ACCOUNTS), partitions=16).tolist()
    key = np.random.default_rng(1).bytes(16 * ACCOUNTS)[:16]
    assert places(1, partitions=64, seed=1)[0] == partition_of(key, 64)


def test_workers_are_the_fewest_of_whom_none_is_too_busy():
    for shares in (EVEN, UNEVEN):
        found = cores(20_000, **TERMS, loads=shares)
        assert found is not None and found > 1
        busy = [
            20_000 * (10e-6 + 50e-6 * busiest(shares, each) / each) for each in (found - 1, found)
        ]
        assert busy[0] > BUSY >= busy[1]
    even, uneven = (cores(25_000, **TERMS, loads=each) for each in (EVEN, UNEVEN))
    assert even < uneven


def test_no_number_of_workers_folds_more_than_one_core_can_or_parts_a_partition():
    assert cores(69_000, **TERMS, loads=EVEN) is None
    assert cores(40_000, **TERMS, loads=EVEN) == 8  # seven would leave one of them ten of 64
    # Of one partition that takes a quarter of all, one worker bears it whole.
    assert cores(40_000, **TERMS, loads=UNEVEN) is None
    assert cores(20_000, **TERMS, loads=EVEN[:1]) is None


def test_shards_go_on_where_one_log_on_each_core_ends():
    many = np.ones(4_096)
    ten, hundred = (sharded_cores(rate, **TERMS, loads=many) for rate in (100_000, 1_000_000))
    assert ten == 13
    assert 9 * ten < hundred < 11 * ten
    assert sharded_cores(100_000, **TERMS, loads=UNEVEN) is None


@pytest.mark.parametrize("broken", ["fold_seconds", "decide_seconds"])
def test_sabotage_a_term_that_costs_nothing_asks_for_fewer_cores(broken):
    free = {**TERMS, broken: 0.0}
    assert cores(40_000, **free, loads=EVEN) < cores(40_000, **TERMS, loads=EVEN)

"""What is reckoned from the record: it asks for rows that were measured, and counts no less."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import capacity, harness
from benchmarks.load.record import recorded

SETTING = harness.Setting(quick=True, machine="a machine", date="2026-01-02")
TERMS = capacity.Terms(fold_seconds=10e-6, decide_seconds=50e-6)
SHARDS = np.ones(capacity.SHARDS)


def needs(terms=TERMS, key_bytes=500.0, shards=SHARDS):
    return {row.what: row for row in capacity.needs(SETTING, terms, shards, key_bytes)}


def test_each_rate_says_cores_memory_and_machines():
    rows = needs()
    assert rows["cores for 8,000/s, brokers apart, each with all state"].found == 1
    assert rows["cores for 8,000/s, brokers apart, state in shards"].found == 2
    users_bytes = capacity.USERS * capacity.KEYS_A_USER * 500
    assert rows["state at 8,000/s, once"].found == pytest.approx(users_bytes / 2**30)
    # Some 870 GiB: ten machines, whatever little of their cores is asked for.
    assert rows["machines of 16 cores and 128 GiB for 8,000/s, state in shards"].found == 10
    ended = [what for what, row in rows.items() if row.found is None]
    assert [what.split(" (not run")[0] for what in ended] == [
        f"cores for {rate:,}/s, brokers apart, each with all state" for rate in (100_000, 1_000_000)
    ]


def test_machines_follow_the_scarcer_of_cores_and_memory():
    small = needs(key_bytes=0.01)
    machines = "machines of 16 cores and 128 GiB for {:,}/s, state in shards"
    sharded = small["cores for 1,000,000/s, brokers apart, state in shards"].found
    assert small[machines.format(1_000_000)].found == -(-sharded // 16)
    assert needs()[machines.format(1_000_000)].found > small[machines.format(1_000_000)].found


def test_a_shard_that_takes_more_than_a_core_is_said_to():
    whale = SHARDS.copy()
    whale[0] = len(SHARDS)
    what = "cores for 1,000,000/s, brokers apart, state in shards (not run: "
    assert [each for each in needs(shards=whale) if each.startswith(what)]


def test_skew_is_told_seed_by_seed():
    rows = list(capacity.skews(SETTING, "somebody", [SHARDS, SHARDS + np.eye(1, 4_096)[0] * 64]))
    fullest = {row.what: row for row in rows}["fullest of 64 partitions over the mean, somebody"]
    assert fullest.runs == 2
    assert 1 < fullest.found < 2


def test_a_figure_that_nobody_measured_is_not_made_up(tmp_path):
    row = SETTING.row("a", "s", [3.0])
    rows = [vars_of(row), vars_of(SETTING.not_run("b", "s", "why"))]
    (tmp_path / "some.json").write_text(json.dumps(rows), encoding="utf-8")
    assert recorded("some", "a", folder=tmp_path) == 3.0
    for benchmark, what in (("some", "b (not run: why)"), ("some", "c"), ("other", "a")):
        with pytest.raises(LookupError, match="0 measured rows"):
            recorded(benchmark, what, folder=tmp_path)


def vars_of(row):
    return {name: getattr(row, name) for name in harness.COLUMNS}


def test_the_record_of_capacity_is_reckoned_from_those_of_engines_and_features():
    """Whoever measures them anew reckons anew: `python -m benchmarks capacity --json …`."""
    terms = capacity.recorded_terms()
    assert recorded("capacity", "to read and fold an event (recorded)") == pytest.approx(
        terms.fold_seconds * 1e6
    )
    assert recorded("capacity", "to decide one, on top (recorded)") == pytest.approx(
        terms.decide_seconds * 1e6
    )
    key_bytes = recorded("features", capacity.KEY_BYTES)
    assert recorded("capacity", "a key of state (recorded)") == pytest.approx(key_bytes)

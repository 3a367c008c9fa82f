"""Two runs differ in what was told otherwise, and in nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.flows.comparing import differences
from tests.unit.model.networks import network
from tests.unit.model.worlds import SMALL, labelled, trained

pytestmark = pytest.mark.slow


def test_runs_of_one_seed_on_the_same_rows_differ_in_nothing():
    assert differences([trained().artifact, trained().artifact]) == {}


def test_what_was_told_otherwise_is_named_with_both_values():
    other = replace(SMALL, booster=replace(SMALL.booster, trees=20))
    found = differences([trained().artifact, trained(options=other).artifact])
    assert found.pop("options.booster.trees") == ["30", "20"]
    # The curve follows from the trees; all else is the same.
    assert {name.partition(".")[0] for name in found} == {"curve"}
    rows = differences([trained().artifact, trained(labelled(seed=8)).artifact])
    assert {"data.hash", "split.positives_test"} <= set(rows)


def test_a_network_and_a_forest_are_compared_by_what_both_say():
    found = differences([trained().artifact, network(learner="network")])
    assert found["learner"] == ["lightgbm", "network"]
    assert found["options.booster.trees"] == ["30", ""]

"""A shadow scores what is decided, is recorded as observed, and has no say."""

from __future__ import annotations

import numpy as np
import pytest

from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Misconfigured
from tests.unit.decision.worlds import START, plan, transfer, world
from tests.unit.model.networks import network

pytestmark = pytest.mark.slow


def shadow(**options):
    return network(plan().names, plan_hash=plan().plan_hash, **options)


def records(played):
    stored = played.log.read(start=0, limit=1_000)
    return [decode_record(each.event.payload) for each in stored]


def decided(folder, **options):
    with world(folder, **options) as played:
        for number in range(12):
            at = START + 1_000 * number
            played.decide(transfer(number, occurred_at=at, payee=2 + number % 3)).result(60)
        played.decide(transfer(99, occurred_at=START + 10**6), waited_ms=500).result(60)
        return records(played)


def test_what_a_shadow_says_stands_in_observed_and_nothing_else_changes(tmp_path):
    made = shadow()
    (tmp_path / "alone").mkdir()
    (tmp_path / "beside").mkdir()
    alone = decided(tmp_path / "alone")
    beside = decided(tmp_path / "beside", shadow=made)
    assert [each.derived for each in beside] == [each.derived for each in alone]
    assert [each.kept for each in beside] == [each.kept for each in alone]
    assert {(each.observed.shadow, each.observed.shadow_score) for each in alone} == {("", None)}
    for each in beside[:-1]:
        assert each.observed.shadow == made.hash
        assert each.observed.shadow_score == made.score_one(np.frombuffer(each.kept, "<f8"))
    # Nothing was scored past the deadline, so there is nothing to compare with.
    assert beside[-1].observed.shadow_score is None


def test_a_shadow_that_would_stop_everything_stops_nothing(tmp_path):
    outcomes = []
    for name, seed in (("one", 1), ("other", 2)):
        (tmp_path / name).mkdir()
        found = decided(tmp_path / name, shadow=shadow(seed=seed))
        outcomes.append([each.derived for each in found])
        assert {each.observed.shadow_score for each in found[:-1]} != {None}
    assert outcomes[0] == outcomes[1]


def test_a_shadow_of_another_plan_is_refused(tmp_path):
    with (
        pytest.raises(Misconfigured) as refusal,
        world(tmp_path, shadow=network(plan().names, plan_hash="2" * 64)),
    ):
        pass
    assert refusal.value.code is Code.PLAN_MISMATCH

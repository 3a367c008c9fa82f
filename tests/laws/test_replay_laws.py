"""Whatever was played, replaying it from the log and the bundle finds the same bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crivo.decision.record import decode_derived, decode_record
from crivo.features.row import make_rows, transfer_row
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, play, transfer, world


def decisions(log):
    return [each for each in log.read(start=0, limit=10_000) if each.event.schema == "decision.v1"]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), st.integers(0, 250))
def test_no_random_world_differs(seed, count):
    with tempfile.TemporaryDirectory() as name, world(Path(name)) as played:
        play(played, seed, count)
        found = replay(played.log, Path(name) / "bundles", progress=print)
        assert found.differing == 0, found.differences
        assert found.compared == len(decisions(played.log))
        assert found.folded == played.log.end()


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_a_service_that_restarts_goes_on_as_if_it_had_not(seed, restarts):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        for part in range(restarts):
            with world(Path(one)) as played:
                play(played, seed + part, 40)
        with world(Path(other)) as played:
            for part in range(restarts):
                play(played, seed + part, 40)
            derived = [decode_record(each.event.payload).derived for each in decisions(played.log)]
        with world(Path(one)) as played:
            again = [decode_record(each.event.payload).derived for each in decisions(played.log)]
            assert again == derived
            assert replay(played.log, Path(one) / "bundles", progress=print).is_equal


def test_a_world_holds_every_kind_of_decision(tmp_path):
    with world(tmp_path) as played:
        play(played, 7, 400)
        derived = [
            decode_derived(decode_record(each.event.payload).derived)
            for each in decisions(played.log)
        ]
    assert {each.outcome for each in derived} == {"ALLOW", "WARN", "STEP_UP", "HOLD", "REJECT"}
    reasons = {code for each in derived for code in each.reasons}
    assert {"TIMEOUT_DEGRADED", "NOT_SCORED_RETURN", "DATA_LATE", "PAYEE_REPORTED"} <= reasons
    assert any(each.nulls for each in derived) and any(each.shadow_rules for each in derived)


def test_a_part_can_be_replayed_by_ids_or_by_receipt(tmp_path):
    with world(tmp_path) as played:
        sent = play(played, 3, 60)
        ids = frozenset(each.end_to_end_id for each in sent[5:9])
        found = replay(played.log, tmp_path / "bundles", progress=print, ids=ids)
        assert (found.compared, found.differing) == (4, 0)
        stored = decisions(played.log)
        middle = stored[len(stored) // 2].event.received_at
        before = replay(played.log, tmp_path / "bundles", progress=print, received_to=middle)
        after = replay(played.log, tmp_path / "bundles", progress=print, received_from=middle)
        assert before.compared + after.compared == len(stored)
        assert before.compared and after.compared


def test_an_empty_log_has_nothing_to_differ(tmp_path):
    with world(tmp_path) as played:
        found = replay(played.log, tmp_path / "bundles", progress=print)
        assert (found.compared, found.folded, found.is_equal) == (0, 0, True)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_size_of_a_batch_changes_nothing(tmp_path, monkeypatch, batch):
    monkeypatch.setattr("crivo.flows.replay.BATCH", batch)
    with world(tmp_path) as played:
        play(played, 5, 120)
        steps = []
        found = replay(
            played.log, tmp_path / "bundles", progress=lambda at, end: steps.append((at, end))
        )
        assert found.is_equal and found.compared
        assert steps[-1] == (played.log.end(), played.log.end())


def test_sabotage_a_transfer_that_was_folded_twice_is_seen(tmp_path):
    with world(tmp_path) as played:
        for number in range(5):
            played.decide(transfer(number, occurred_at=START + number)).result(60)
            # The fault: state that remembers an event twice.
            played.service._engine.fold(row_of(number))
        found = replay(played.log, tmp_path / "bundles", progress=print)
        assert found.differing >= 1
        assert "kept" in found.differences[0].where


def row_of(number):
    occurred_at = START + number
    made = transfer(number + 100, occurred_at=occurred_at)
    return make_rows([transfer_row(made, received_at=occurred_at)])

"""The settlement phase: a second answer under a key of its own, and no second attempt."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.decision.outcome import Outcome
from crivo.decision.record import decode_record
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.phase import Phase
from crivo.features.row import transfer_row
from crivo.flows.answers import REMEMBERED, Memory
from crivo.flows.replay import replay
from crivo.flows.replica import restored
from crivo.flows.settlement_phase import SettlementPhase
from crivo.flows.verify import verify
from tests.unit.decision.worlds import START, bundle_in, plan, transfer, world

LATER = START + MINUTE


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def settle(played, facts, *, at=LATER, service=None, waited_ms=0):
    asked = service or SettlementPhase(played.service)
    made = dataclasses.replace(facts, occurred_at=at)
    return asked.decide(made, arrived_ns=-waited_ms * 1_000_000, supplied_received_at=at)


def vector(played, seq):
    record = decode_record(played.log.read(start=seq, limit=1)[0].event.payload)
    values = memoryview(record.kept).cast("d").tolist()
    return dict(zip(played.service.bundle.plan.names, values, strict=True))


def test_it_is_another_answer_that_saw_its_own_attempt_like_any_other(played):
    facts = transfer(1)
    first = played.decide(facts).result(60)
    second = settle(played, facts).result(60)
    assert (first.phase, second.phase) == ("initiation", "settlement")
    assert (second.as_of, second.seq) == (0, 1)
    assert vector(played, 0)["pair_transfer_count_30d"] == 0.0
    assert vector(played, 1)["pair_transfer_count_30d"] == 1.0
    assert played.service.find(facts.end_to_end_id) == first
    assert played.service.find(facts.end_to_end_id, Phase.SETTLEMENT) == second


def test_it_adds_nothing_to_state(played, tmp_path):
    facts = transfer(1)
    played.decide(facts).result(60)
    before = played.service.counts
    settle(played, facts).result(60)
    assert played.service.counts == before
    played.decide(transfer(2, occurred_at=START + HOUR)).result(60)
    assert vector(played, 2)["pair_transfer_count_30d"] == 1.0
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (3, 0)
    checked = verify(played.log, tmp_path / "bundles", one_in=1, progress=lambda *_: None)
    assert (checked.compared, checked.differing, checked.idealised) == (3, 0, 2)


def test_a_repeat_joins_the_first_and_other_facts_are_refused(played):
    facts, service = transfer(1), SettlementPhase(played.service)
    played.decide(facts)
    pending = settle(played, facts, service=service)
    again = settle(played, facts, service=service)
    assert again.result(60) == pending.result(60)
    assert settle(played, facts).result(60) == pending.result(60)
    assert played.service.folded == 2
    for changes in ({"amount_centavos": 1}, {"payee_account_id": b"p" * 16}):
        with pytest.raises(Refused) as caught:
            settle(played, dataclasses.replace(facts, **changes))
        assert caught.value.code is Code.CONFLICT
    with pytest.raises(Refused) as caught:
        settle(played, facts, at=LATER + SECOND)
    assert (caught.value.code, caught.value.context["field"]) == (Code.CONFLICT, "occurred_at")


def test_facts_that_the_initiation_had_otherwise_are_refused_before_anything_is_written(played):
    facts = transfer(1)
    played.decide(facts).result(60)
    with pytest.raises(Refused) as caught:
        settle(played, dataclasses.replace(facts, amount_centavos=9_999))
    assert (caught.value.code, caught.value.context["field"]) == (Code.CONFLICT, "amount_centavos")
    assert played.service.folded == 1


def test_it_can_come_without_an_initiation_and_before_it(played, tmp_path):
    facts = transfer(1)
    only = settle(played, facts).result(60)
    assert only.as_of == -1
    # The initiation is a transfer that nobody decided: the settlement was no attempt.
    first = played.decide(facts, received_at=LATER).result(60)
    assert first.phase == "initiation"
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (2, 0)


def test_a_start_keeps_the_two_apart(tmp_path):
    facts = transfer(1)
    with world(tmp_path) as played:
        first = played.decide(facts).result(60)
        second = settle(played, facts).result(60)
    with world(tmp_path) as again:
        assert again.decide(facts).result(60) == first
        assert settle(again, facts).result(60) == second
        assert again.service.folded == 2


def test_a_hold_of_the_settlement_phase_is_held_apart(played):
    facts = transfer(1, amount_centavos=5_000_000)
    played.decide(facts, waited_ms=500).result(60)
    answer = settle(played, facts, waited_ms=500).result(60)
    assert answer.outcome is Outcome.HOLD
    assert len(played.service.holds) == 2


def test_a_model_of_rows_decides_no_phase(tmp_path):
    with world(tmp_path, bundle=bundle_in(tmp_path, names=("V1", "V2"))) as played:
        with pytest.raises(Refused) as caught:
            settle(played, transfer(1))
        assert caught.value.code is Code.MODEL_NOT_FOR_TRANSFERS


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_replay_in_parts_of_any_size_reads_it_at_its_own_cut(played, tmp_path, monkeypatch, batch):
    monkeypatch.setattr("crivo.flows.replay.BATCH", batch)
    for number in range(4):
        facts = transfer(number, occurred_at=START + number * SECOND)
        played.decide(facts).result(60)
        settle(played, facts, at=LATER + number * SECOND).result(60)
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (8, 0)


def test_sabotage_a_settlement_that_was_folded_is_seen(played, tmp_path):
    facts = transfer(1)
    played.decide(facts).result(60)
    settle(played, facts).result(60)
    # The fault: a second attempt for one transfer.
    later = dataclasses.replace(facts, occurred_at=LATER)
    played.service._engine.fold_row(transfer_row(later, received_at=LATER))
    played.decide(transfer(2, occurred_at=START + HOUR)).result(60)
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert found.differing == 1
    assert "kept" in found.differences[0].where


def initiate(played, facts, **changes):
    made = dataclasses.replace(facts, **changes)
    return played.service.decide(made, arrived_ns=0, supplied_received_at=LATER + SECOND)


def check_an_initiation_of_other_facts_is_refused(played):
    facts = transfer(1)
    settle(played, facts)
    before = played.service.folded
    for changes in ({"amount_centavos": 1}, {"payee_account_id": b"p" * 16}):
        with pytest.raises(Refused) as caught:
            initiate(played, facts, **changes)
        assert (caught.value.code, caught.value.context["field"]) == (Code.CONFLICT, *changes)
        (found,) = played.service.decide_many(
            [(dataclasses.replace(facts, **changes), LATER + SECOND)], arrived_ns=0
        )
        assert isinstance(found, Refused) and found.code is Code.CONFLICT
    assert played.service.folded == before
    # The instant is that of each phase: no fact that both share.
    assert initiate(played, facts).result(60).phase == "initiation"
    assert initiate(played, facts).result(60).seq == before


def test_an_initiation_of_other_facts_than_its_settlement_phase_is_refused(played):
    check_an_initiation_of_other_facts_is_refused(played)


def test_sabotage_a_memory_that_forgets_the_settlement_phase_is_noticed(played, monkeypatch):
    monkeypatch.setattr(Memory, "note_settlement", lambda *_, **__: None)
    with pytest.raises(pytest.fail.Exception):
        check_an_initiation_of_other_facts_is_refused(played)


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_a_start_still_compares_an_initiation_with_its_settlement_phase(tmp_path, with_snapshot):
    facts = transfer(1)
    with world(tmp_path) as played:
        settle(played, facts).result(60)
        settle(played, transfer(2)).result(60)
        played.decide(transfer(2), received_at=LATER).result(60)
        kept = played.service.replica.snapshot("world")
        arrays = {name: array.copy() for name, array in kept.arrays.items()}
    start = restored(plan(), dataclasses.replace(kept, arrays=arrays)) if with_snapshot else None
    with world(tmp_path, start=start) as again:
        memory = again.service.replica.memory
        assert memory.is_settled(facts.end_to_end_id)
        assert not memory.is_settled(transfer(2).end_to_end_id), "its initiation is remembered"
        with pytest.raises(Refused) as caught:
            initiate(again, facts, amount_centavos=1)
        assert caught.value.code is Code.CONFLICT


def test_settlement_phases_are_forgotten_when_no_initiation_can_follow():
    memory = Memory()
    memory.note_settlement("E1", received_at=START)
    memory.note_settlement("E2", received_at=START + REMEMBERED)
    assert memory.is_settled("E1")
    memory.note_settlement("E3", received_at=START + REMEMBERED + HOUR)
    assert [memory.is_settled(each) for each in ("E1", "E2", "E3")] == [False, True, True]
    memory.remember("E2", 7, received_at=START + REMEMBERED + HOUR)
    assert (memory.is_settled("E2"), memory.place("E2")) == (False, 7)

"""One id, one transfer: every fact that both phases carry is compared, whichever comes first."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import HOUR
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows import answers, decide, repeats, settlement_phase
from crivo.flows.answers import REMEMBERED, SHARED_FACTS, Memory
from crivo.flows.settlement_phase import SettlementPhase
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.flows.test_settlement_phase import LATER, initiate, settle

FACTS = {
    "payer_person_id": b"a" * 16,
    "payee_person_id": b"b" * 16,
    "payee_key_id": b"c" * 16,
    "initiation": Initiation.DICT,
    "purpose": Purpose.IPAY,
}
#: Of each fact another one.
OTHERS = {
    "payer_account_id": b"p" * 16,
    "payer_person_id": b"q" * 16,
    "payee_account_id": b"r" * 16,
    "payee_person_id": b"s" * 16,
    "payee_key_id": b"t" * 16,
    "amount_centavos": 1,
    "initiation": Initiation.MANU,
    "purpose": Purpose.GSCB,
}


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def check_each_is_refused(ask):
    """What is asked with any one fact changed is a conflict of that fact."""
    for name, other in OTHERS.items():
        with pytest.raises(Refused) as caught:
            ask(name, other)
        assert (caught.value.code, caught.value.context["field"]) == (Code.CONFLICT, name)


def check_a_settlement_after_its_initiation(played):
    facts = transfer(1, **FACTS)
    played.decide(facts).result(60)
    check_each_is_refused(
        lambda name, other: settle(played, dataclasses.replace(facts, **{name: other}))
    )
    assert settle(played, facts).result(60).phase == "settlement"


def check_an_initiation_after_its_settlement(played):
    facts = transfer(1, **FACTS)
    settle(played, facts).result(60)
    check_each_is_refused(lambda name, other: initiate(played, facts, **{name: other}))
    assert initiate(played, facts).result(60).phase == "initiation"


def check_a_settlement_asked_again(played):
    facts, service = transfer(1, **FACTS), SettlementPhase(played.service)
    first = settle(played, facts, service=service)
    # While it waits for the disk, and from the log.
    for asked in (service, None):
        check_each_is_refused(
            lambda name, other, asked=asked: settle(
                played, dataclasses.replace(facts, **{name: other}), service=asked
            )
        )
        assert settle(played, facts, service=asked).result(60) == first.result(60)


CHECKS = {
    "a settlement after its initiation": check_a_settlement_after_its_initiation,
    "an initiation after its settlement": check_an_initiation_after_its_settlement,
    "a settlement asked again": check_a_settlement_asked_again,
}


@pytest.mark.parametrize("order", CHECKS)
def test_each_fact_that_differs_is_refused_under_one_id(played, order):
    CHECKS[order](played)


def test_every_shared_fact_is_tried():
    assert set(OTHERS) == set(SHARED_FACTS)


@pytest.mark.parametrize("order", CHECKS)
@pytest.mark.parametrize("left_out", OTHERS)
def test_sabotage_a_fact_that_is_not_compared_is_noticed(played, monkeypatch, order, left_out):
    compare = answers.check_same_facts

    def without(first, repeat, *, names=answers.FACTS):
        compare(first, repeat, names=[name for name in names if name != left_out])

    for module in (decide, repeats, settlement_phase):
        monkeypatch.setattr(module, "check_same_facts", without)
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        CHECKS[order](played)


def check_a_settlement_that_memory_forgot_is_asked_of_the_log(played):
    facts, far = transfer(1, **FACTS), START + REMEMBERED + 2 * HOUR
    settle(played, facts).result(60)
    settle(played, transfer(2, occurred_at=far), at=far).result(60)
    assert not played.service.replica.memory.is_settled(facts.end_to_end_id)
    check_each_is_refused(lambda name, other: initiate(played, facts, **{name: other}))


def test_a_settlement_that_memory_forgot_is_asked_of_the_log(played):
    check_a_settlement_that_memory_forgot_is_asked_of_the_log(played)


def test_sabotage_a_late_initiation_that_asks_no_log_is_noticed(played, monkeypatch):
    monkeypatch.setattr(decide, "check_settlement", lambda *_: None)
    with pytest.raises(pytest.fail.Exception):
        check_a_settlement_that_memory_forgot_is_asked_of_the_log(played)


def check_a_restored_memory_forgets_settlements():
    kept, restored = Memory(), Memory()
    kept.note_settlement("E1", received_at=LATER)
    restored.restore(kept.arrays())
    assert restored.is_settled("E1")
    restored.note_settlement("E2", received_at=LATER + REMEMBERED + HOUR)
    assert [restored.is_settled(each) for each in ("E1", "E2")] == [False, True]


def test_a_memory_of_a_snapshot_forgets_settlements_when_their_time_is_over():
    check_a_restored_memory_forgets_settlements()


def test_sabotage_hours_that_a_snapshot_lost_are_noticed(monkeypatch):
    restore = Memory.restore

    def without(memory, arrays):
        restore(memory, arrays)
        memory._settled_hours.clear()

    monkeypatch.setattr(Memory, "restore", without)
    with pytest.raises(AssertionError):
        check_a_restored_memory_forgets_settlements()

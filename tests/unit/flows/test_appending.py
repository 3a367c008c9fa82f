"""Imports meet what was decided here: repeats are counted, other facts are conflicts."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import MINUTE
from crivo.flows import appending
from crivo.flows.appending import Appender
from crivo.flows.settlement_phase import SettlementPhase
from tests.laws.test_imported_transfers import history
from tests.unit.decision.worlds import START, transfer, world

LATER = START + MINUTE


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def settle(played, facts):
    made = dataclasses.replace(facts, occurred_at=LATER)
    service = SettlementPhase(played.service)
    return service.decide(made, arrived_ns=0, supplied_received_at=LATER).result(60)


def imported(played, *transfers):
    """What an import is told of each of the transfers, in one append."""
    told = []
    appender = Appender(
        played.log,
        lambda _: "past.csv",
        lambda _, is_new: told.append(is_new),
        lambda _, refusal: told.append((refusal.code, refusal.context["field"])),
    )
    events = [history(each) for each in transfers]
    events = [each._replace(received_at=LATER) for each in events]
    for event, each in zip(events, transfers, strict=True):
        appender.note_transfer(event, each)
    appender.append(events)
    return told


def changed(facts):
    return dataclasses.replace(facts, amount_centavos=facts.amount_centavos + 1)


CONFLICT = (Code.CONFLICT, "amount_centavos")


def check_an_import_contradicts_no_settlement_phase(played):
    facts = transfer(1)
    settle(played, facts)
    assert imported(played, changed(facts)) == [CONFLICT]
    assert played.log.end() == 1
    # The settlement was no attempt, so that the import brings it; and then it is a repeat.
    assert imported(played, changed(facts), facts, facts) == [CONFLICT, True, False]
    assert imported(played, facts, changed(facts)) == [False, CONFLICT]
    assert played.log.end() == 2


def test_an_import_contradicts_no_settlement_phase(played):
    check_an_import_contradicts_no_settlement_phase(played)


def test_sabotage_an_import_that_asks_no_settlement_phase_is_noticed(played, monkeypatch):
    monkeypatch.setattr(appending, "check_settlement", lambda *_: None)
    with pytest.raises(AssertionError):
        check_an_import_contradicts_no_settlement_phase(played)


def test_a_label_of_a_transfer_that_settled_at_another_instant_is_no_conflict(played):
    facts = transfer(1)
    settle(played, facts)
    appender = Appender(played.log, lambda _: "past.csv", lambda *_: None, lambda *_: None)
    appender.check_first(facts, facts)
    with pytest.raises(Refused) as caught:
        appender.check_first(changed(facts), changed(facts))
    assert (caught.value.code, caught.value.context["field"]) == CONFLICT


def test_what_was_decided_is_imported_once_and_with_its_own_facts(played):
    facts, other = transfer(1), transfer(2)
    played.decide(facts).result(60)
    assert imported(played, facts, changed(facts), other, changed(other)) == [
        False,
        CONFLICT,
        True,
        CONFLICT,
    ]

"""What was refused is taken back once, and no step of a marker for another party than its first."""

from __future__ import annotations

from contextlib import closing

import pytest

from crivo.domain.errors import Code
from crivo.domain.fraud_marker import FraudMarker, FraudType, MarkerStatus
from crivo.domain.instant import HOUR
from crivo.flows import same_party
from crivo.flows.event_of import event_of, value_of
from crivo.flows.readmit import readmit
from tests.ports.logs import open_test_log
from tests.unit.decision.worlds import START

ANA, RUI = b"a" * 16, b"r" * 16
REGISTERED, CANCELLED = MarkerStatus.REGISTERED, MarkerStatus.CANCELLED


def step(who, status, at):
    previous = REGISTERED if status is CANCELLED else None
    value = FraudMarker("m-1", at, who, FraudType.MULE_ACCOUNT, previous, status)
    return event_of(value, occurred_at=at, received_at=at, source="http")


@pytest.fixture
def log(tmp_path):
    with closing(open_test_log(tmp_path / "log.sqlite")) as opened:
        yield opened


def taken(log):
    values = [value_of(each.event) for each in log.read(start=0, limit=9)]
    return [(each.person_id, each.status) for each in values]


def check_a_step_of_somebody_else_stays_refused(log):
    first, wrong = step(ANA, REGISTERED, START), step(RUI, CANCELLED, START + HOUR)
    right = step(ANA, CANCELLED, START + 2 * HOUR)
    done = readmit([("t 1", wrong), ("t 2", right), ("t 0", first)], log, now=0)
    assert (done.received, done.appended, done.duplicate) == (3, 2, 0)
    assert [(where, why.code) for where, why in done.refused] == [("t 1", Code.CONFLICT)]
    assert taken(log) == [(ANA, REGISTERED), (ANA, CANCELLED)]


def test_a_step_of_somebody_else_stays_refused(log):
    check_a_step_of_somebody_else_stays_refused(log)


def test_what_is_in_the_log_is_neither_appended_nor_refused_again(log):
    steps = [("t 0", step(ANA, REGISTERED, START)), ("t 1", step(ANA, CANCELLED, START + HOUR))]
    for appended in (2, 0):
        done = readmit([*steps, steps[0]], log, now=0)
        assert (done.appended, done.duplicate, done.refused) == (appended, 3 - appended, [])


def test_sabotage_a_taking_back_that_looks_at_no_other_step_is_noticed(log, monkeypatch):
    monkeypatch.setattr(same_party, "check_same_party", lambda *_: None)
    with pytest.raises(AssertionError):
        check_a_step_of_somebody_else_stays_refused(log)

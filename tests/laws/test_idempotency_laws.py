"""One id, one decision, one record: whatever is repeated, in whatever order, whatever fails."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crivo.decision.record import decision_event_id
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.domain.report import ReportStatus
from crivo.domain.transfer import Initiation, Purpose
from crivo.flows import answers
from crivo.flows.replay import replay
from tests.unit.decision.worlds import START, account, transfer, world


class FailingLog:
    """A log whose next commit tells its callers of a failure, and is durable only when told.

    What the log itself does when a disk fails is proved beside it; here it is what callers see.
    """

    def __init__(self, log):
        self._log = log
        self.is_failing = False
        self._durable = None

    def __getattr__(self, name):
        return getattr(self._log, name)

    def fail_next(self):
        self.is_failing = True

    def recover(self):
        self.is_failing, self._durable = False, None

    def end(self):
        return self._log.end() if self._durable is None else self._durable

    def submit(self, events, done, *, never_seen=False, is_promised=False):
        if not self.is_failing:
            return self._log.submit(events, done, never_seen=never_seen, is_promised=is_promised)
        failure = Unavailable(Code.LOG_UNAVAILABLE, "the disk says no")
        if self._durable is not None:
            raise failure
        self._durable = self._log.append(events)
        done(failure)
        return self._durable


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def records(played):
    return [
        stored
        for stored in played.log.read(start=0, limit=10_000)
        if stored.event.schema == "decision.v1"
    ]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 5), min_size=1, max_size=25))
def test_however_often_ids_repeat_each_has_one_record_and_one_answer(numbers):
    with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as played:
        first = {}
        for number in numbers:
            pending = played.decide(transfer(number))
            assert pending.result(60) == first.setdefault(number, pending.result(60))
        assert len(records(played)) == len(first)


def test_concurrent_repeats_join_the_first_answer(played):
    pending = [played.decide(transfer(1)) for _ in range(5)]
    assert len({id(each.result(60)) for each in pending}) == 1
    assert len(records(played)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("amount_centavos", 10_001),
        ("payer_account_id", account(9)),
        ("payee_account_id", account(9)),
        ("occurred_at", START + 1),
        ("initiation", Initiation.MANU),
        ("purpose", Purpose.OTHR),
    ],
)
@pytest.mark.parametrize("is_recovered", [False, True])
def test_other_facts_under_the_same_id_conflict(tmp_path, fact, value, is_recovered):
    facts = transfer(1, initiation=Initiation.DICT, purpose=Purpose.IPAY)
    with world(tmp_path) as played:
        played.decide(facts).result(60)
        other = dataclasses.replace(facts, **{fact: value})
        if not is_recovered:
            check_conflict(played, other)
    if is_recovered:
        with world(tmp_path) as again:
            check_conflict(again, other)


def check_conflict(played, other):
    with pytest.raises(Refused) as caught:
        played.decide(other, received_at=START + SECOND)
    assert caught.value.code is Code.CONFLICT
    assert len(records(played)) == 1


def test_a_fact_that_only_one_body_carries_is_no_conflict(played):
    facts = transfer(1, initiation=Initiation.DICT)
    first = played.decide(facts).result(60)
    assert played.decide(dataclasses.replace(facts, initiation=None)).result(60) == first
    signal = dataclasses.replace(facts, device_id=account(7))
    assert played.decide(signal).result(60) == first


def test_a_degraded_answer_is_final(played):
    first = played.decide(transfer(1), waited_ms=500).result(60)
    assert first.degraded == ("TIMEOUT",)
    assert played.decide(transfer(1)).result(60) == first


def test_repeats_are_answered_after_a_restart(tmp_path):
    with world(tmp_path) as played:
        first = [played.decide(transfer(number)).result(60) for number in range(5)]
    with world(tmp_path) as again:
        assert [again.decide(transfer(number)).result(60) for number in range(5)] == first
        assert again.service.find(first[0].end_to_end_id) == first[0]
        assert again.service.find("E" + "0" * 31) is None
        assert len(records(again)) == 5


def test_a_repeat_after_its_ids_time_is_still_answered(played):
    first = played.decide(transfer(1)).result(60)
    later = START + 3 * DAY
    played.decide(transfer(2, occurred_at=later)).result(60)
    assert played.decide(transfer(1), received_at=later).result(60) == first
    with pytest.raises(Refused) as caught:
        played.decide(transfer(3), received_at=later)
    assert caught.value.code is Code.ID_TIME
    assert len(records(played)) == 2


def test_ids_are_forgotten_once_no_repeat_can_carry_them():
    memory = answers.Memory()
    for hour in range(100):
        memory.remember(f"id{hour}", hour, received_at=START + hour * HOUR)
    oldest = min(hour for hour in range(100) if memory.place(f"id{hour}") is not None)
    assert 25 <= 99 - oldest <= 27
    assert len(memory) == 100 - oldest


def test_the_newest_decisions_are_held_and_older_ones_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "RECENT_MAX", 3)
    with world(tmp_path) as played:
        first = [played.decide(transfer(number)).result(60) for number in range(8)]
        assert [played.decide(transfer(number)).result(60) for number in range(8)] == first
        assert len(records(played)) == 8


def test_a_refused_request_changes_nothing(played):
    played.decide(transfer(1)).result(60)
    state = (played.service.folded, played.service.clock.now())
    for facts, received_at in ((transfer(2), START + 20 * HOUR), (transfer(3), START - HOUR)):
        with pytest.raises(Refused):
            played.decide(facts, received_at=received_at)
    with pytest.raises(Refused):
        played.decide(transfer(4), received_at=10)
    assert (played.service.folded, played.service.clock.now()) == state
    assert len(records(played)) == 1


def test_after_a_failed_commit_the_record_is_neither_lost_nor_doubled(tmp_path):
    with world(tmp_path, wrap=FailingLog) as played:
        log = played.service.log
        log.fail_next()
        with pytest.raises(Unavailable):
            played.decide(transfer(1)).result(60)
        for facts in (transfer(1), transfer(2)):
            with pytest.raises(Unavailable) as caught:
                played.decide(facts)
            assert caught.value.code is Code.LOG_UNAVAILABLE
        assert played.service.find(transfer(1).end_to_end_id) is None
        log.recover()
        answer = played.decide(transfer(1)).result(60)
        assert played.service.find(transfer(1).end_to_end_id) == answer
        assert played.decide(transfer(2)).result(60).as_of == answer.seq
        assert [stored.event.event_id for stored in records(played)] == [
            decision_event_id(transfer(number).end_to_end_id) for number in (1, 2)
        ]
        found = replay(played.log, tmp_path / "bundles", progress=lambda _at, _end: None)
        assert (found.compared, found.differing) == (2, 0)


def test_a_repeat_from_long_ago_gets_its_answer_and_the_log_goes_on(tmp_path):
    """A replay clock may be told of a receipt of days before: nobody remembers that id."""
    with world(tmp_path) as played:
        first = played.decide(transfer(0)).result(60)
        for hour in range(1, 100):
            made = transfer(hour, occurred_at=START + hour * HOUR)
            played.decide(made, received_at=START + hour * HOUR).result(60)
    with world(tmp_path) as again:
        assert again.decide(transfer(0), received_at=START).result(60) == first
        old = again.decide(transfer(500), received_at=START).result(60)
        assert old.received_at == START
        assert again.decide(transfer(500), received_at=START).result(60) == old
        fresh = transfer(501, occurred_at=START + 100 * HOUR)
        assert again.decide(fresh, received_at=START + 100 * HOUR).result(60).seq == 101
        assert len(records(again)) == 102


def test_decisions_that_failed_at_first_are_let_go_once_they_are_durable(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "RECENT_MAX", 5)
    with world(tmp_path, wrap=FailingLog) as played:
        log = played.service.log
        log.fail_next()
        with pytest.raises(Unavailable):
            played.decide(transfer(0)).result(60)
        log.recover()
        for number in range(1, 40):
            played.decide(transfer(number)).result(60)
        assert len(played.service._memory._recent) <= 6
        assert played.decide(transfer(0)).result(60).seq == 0


class RefusingLog:
    """A log that takes nothing."""

    def __init__(self, log):
        self._log = log
        self.is_full = False

    def __getattr__(self, name):
        return getattr(self._log, name)

    def submit(self, events, done, *, never_seen=False, is_promised=False):
        if self.is_full:
            raise Unavailable(Code.OVERLOADED, "too much waits")
        return self._log.submit(events, done, never_seen=never_seen, is_promised=is_promised)


def test_a_transfer_that_the_log_refused_was_never_counted(tmp_path):
    with world(tmp_path, wrap=RefusingLog) as played:
        played.service.log.is_full = True
        before = played.service.counts
        with pytest.raises(Unavailable):
            played.decide(transfer(1))
        assert (played.service.counts, played.service.folded) == (before, 0)
        played.service.log.is_full = False
        played.decide(transfer(1)).result(60)
        assert (played.service.counts.folded, played.service.folded) == (1, 1)


ACCOUNT_AND_KEY = {"payee_account_id": account(2), "payee_key_id": account(3)}


@pytest.mark.parametrize(
    ("first", "repeat", "is_same"),
    [
        (ACCOUNT_AND_KEY, {"payee_account_id": None, "payee_key_id": account(3)}, True),
        (ACCOUNT_AND_KEY, {"payee_account_id": account(2)}, True),
        (ACCOUNT_AND_KEY, {"payee_account_id": account(2), "payee_key_id": account(4)}, False),
        (ACCOUNT_AND_KEY, {"payee_account_id": account(5), "payee_key_id": account(3)}, False),
        ({"device_id": account(7)}, {"device_id": account(8)}, True),
        ({}, {"amount_centavos": 10_001}, False),
    ],
)
def test_facts_are_compared_where_both_requests_carry_them(played, first, repeat, is_same):
    made = transfer(1)
    answer = played.decide(dataclasses.replace(made, **first)).result(60)
    again = dataclasses.replace(made, **repeat)
    if is_same:
        assert played.decide(again).result(60) == answer
    else:
        with pytest.raises(Refused) as caught:
            played.decide(again)
        assert caught.value.code is Code.CONFLICT


def test_a_report_from_before_its_transfer_is_refused(played):
    decided = played.decide(transfer(1)).result(60)
    with pytest.raises(Refused) as caught:
        played.reports.report(
            report_id="r1",
            status=ReportStatus.ACCEPTED,
            end_to_end_id=decided.end_to_end_id,
            supplied_received_at=START - HOUR,
        )
    assert caught.value.code is Code.TIME_RANGE
    assert played.log.end() == 1


def test_a_report_is_taken_once_and_another_claim_conflicts(played):
    decided = played.decide(transfer(1)).result(60)
    claim = {
        "report_id": "r1",
        "status": ReportStatus.ACCEPTED,
        "end_to_end_id": decided.end_to_end_id,
        "supplied_received_at": START + HOUR,
    }
    pending = [played.reports.report(**claim) for _ in range(3)]
    assert len({each.result(60) for each in pending}) == 1
    later = {**claim, "supplied_received_at": START + 2 * HOUR}
    assert played.reports.report(**later).result(60) == pending[0].result(60)
    assert pending[0].result(60).known_at == START + HOUR
    with pytest.raises(Refused) as caught:
        played.reports.report(**{**claim, "status": ReportStatus.REJECTED})
    assert caught.value.code is Code.CONFLICT
    with pytest.raises(Refused) as caught:
        played.reports.report(**{**claim, "end_to_end_id": transfer(9).end_to_end_id})
    assert caught.value.code is Code.NOT_FOUND
    assert played.log.end() == 2


def test_a_report_whose_commit_failed_is_neither_lost_nor_doubled(tmp_path):
    with world(tmp_path, wrap=FailingLog) as played:
        played.decide(transfer(1)).result(60)
        log = played.service.log
        log.fail_next()
        claim = {
            "report_id": "r1",
            "status": ReportStatus.ACCEPTED,
            "end_to_end_id": transfer(1).end_to_end_id,
        }
        with pytest.raises(Unavailable):
            played.reports.report(**claim).result(60)
        with pytest.raises(Unavailable):
            played.reports.report(**claim)
        log.recover()
        assert played.reports.report(**claim).result(60).seq == 1
        assert played.log.end() == 2


def test_sabotage_a_service_that_forgets_ids_cannot_repeat_an_answer(played, monkeypatch):
    monkeypatch.setattr(answers.Memory, "keep", lambda _memory, _decided, *, durable: None)
    played.decide(transfer(1)).result(60)
    with pytest.raises(Unavailable):
        played.decide(transfer(1)).result(60)
    # The log stops rather than double the record.
    with pytest.raises(Unavailable):
        played.decide(transfer(2))
    assert len(records(played)) == 1

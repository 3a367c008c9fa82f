"""A hold that nobody ends is ended once, when its time is over, also after a start."""

from __future__ import annotations

import dataclasses
import time

import pytest

from crivo.decision.hold_end import HoldEnd
from crivo.decision.outcome import Outcome
from crivo.decision.record import decode_derived, decode_record
from crivo.decision.standing import Step
from crivo.domain.errors import Code, Misconfigured, Refused, Unavailable
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection, Settlement, SettlementStatus
from crivo.flows.event_of import event_of, value_of
from crivo.flows.following import followed
from crivo.flows.hold_ends import HoldService
from crivo.flows.replay import replay
from crivo.flows.replica import restored
from crivo.flows.settlement_phase import SettlementPhase
from tests.unit.decision.worlds import START, policy, transfer, world

HELD_CENTAVOS = 5_000_000


def held(played, number=1, *, occurred_at=START, **facts):
    """The answer to a transfer that comes too late to be scored, and is large: a HOLD."""
    made = transfer(number, occurred_at=occurred_at, amount_centavos=HELD_CENTAVOS, **facts)
    answer = played.decide(made, waited_ms=500).result(60)
    assert answer.outcome is Outcome.HOLD
    return answer


def holds_of(played):
    told = []
    return HoldService(played.service, told.append), told


def ends(log):
    events = log.read(start=0, limit=1_000)
    return [value_of(each.event) for each in events if each.event.schema == "hold_end.v1"]


def settle(played):
    """What is sequenced is on disk."""
    deadline = time.monotonic() + 300
    while played.log.end() < played.service.folded:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def rejection(number):
    """What the rail did with a transfer."""
    about = transfer(number, amount_centavos=HELD_CENTAVOS)
    value = Settlement(
        about.end_to_end_id,
        about.payer_id,
        about.payee_id,
        about.amount_centavos,
        about.occurred_at,
        START + SECOND,
        SettlementStatus.REJECTED,
        rejection=Rejection.FRAD,
    )
    return event_of(value, occurred_at=START + SECOND, received_at=START + SECOND, source="rail")


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def test_an_answer_and_its_record_say_until_when_and_what_then(played):
    answer = held(played)
    assert (answer.hold.until, answer.hold.ends_as) == (START + 30 * MINUTE, "REJECT")
    record = decode_record(played.log.read(start=0, limit=1)[0].event.payload)
    assert decode_derived(record.derived).hold == answer.hold
    assert played.service.find(answer.end_to_end_id).hold == answer.hold
    other = played.decide(transfer(2, occurred_at=START + SECOND)).result(60)
    assert other.hold is None


def test_a_hold_ends_when_its_time_is_over_and_not_before(played):
    answer = held(played)
    service, told = holds_of(played)
    played.service.clock.stamp(occurred_at=START, supplied=answer.hold.until - 1)
    service.end_due()
    assert (ends(played.log), len(played.service.holds)) == ([], 1)
    played.service.clock.stamp(occurred_at=START, supplied=answer.hold.until)
    for _ in range(3):
        service.end_due()
    settle(played)
    (end,) = ends(played.log)
    payer = transfer(1).payer_id
    assert end == HoldEnd(
        answer.end_to_end_id, Phase.INITIATION, payer, answer.hold.until, Outcome.REJECT
    )
    assert (told, len(played.service.holds)) == (["REJECT"], 0)
    (event,) = followed(played.log, answer.end_to_end_id, "initiation")
    assert (event.name, event.outcome, event.occurred_at) == (
        "hold_end",
        "REJECT",
        answer.hold.until,
    )


def test_a_hold_ends_as_the_policy_said_when_it_began(tmp_path):
    text = policy()["decision.toml"]
    was = 'key = "hold.end"\nvalue = "REJECT"'
    assert was in text
    texts = {**policy(), "decision.toml": text.replace(was, was.replace("REJECT", "ALLOW"))}
    with world(tmp_path, texts=texts) as played:
        answer = held(played)
        assert answer.hold.ends_as == "ALLOW"
        played.service.clock.stamp(occurred_at=START, supplied=answer.hold.until)
        service, told = holds_of(played)
        service.end_due()
        settle(played)
        (end,) = ends(played.log)
        (event,) = followed(played.log, answer.end_to_end_id, "initiation")
    assert (end.outcome, told) == (Outcome.ALLOW, ["ALLOW"])
    assert (event.step, event.outcome) == (Step.HOLD_PAID, "ALLOW")


def test_the_end_of_a_hold_changes_no_state_and_the_log_replays(played, tmp_path):
    answer = held(played)
    before = played.service.counts
    played.service.clock.stamp(occurred_at=START, supplied=START + HOUR)
    holds_of(played)[0].end_due()
    assert played.service.counts == before
    next_one = played.decide(transfer(2, occurred_at=START + HOUR)).result(60)
    assert next_one.as_of == answer.seq + 1
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (2, 0)


def test_a_start_finds_the_holds_that_are_open_and_no_others(tmp_path):
    with world(tmp_path) as played:
        first = held(played)
        second = held(played, 2, occurred_at=START + 40 * MINUTE)
        holds_of(played)[0].end_due()
        settle(played)
        assert len(ends(played.log)) == 1
        snapshot = played.service._replica.snapshot("world")
    with world(tmp_path) as again:
        assert len(again.service.holds) == 1
        again.service.clock.stamp(occurred_at=START, supplied=START + 3 * HOUR)
        service, told = holds_of(again)
        service.end_due()
        service.end_due()
        settle(again)
        found = ends(again.log)
    assert [each.end_to_end_id for each in found] == [first.end_to_end_id, second.end_to_end_id]
    assert told == ["REJECT"]
    bundle = played.service.bundle
    replica = restored(bundle.plan, snapshot)
    assert replica.holds.arrays()["holds"].tobytes() == snapshot.arrays["holds"].tobytes()
    with world(tmp_path, bundle=bundle, start=replica) as from_snapshot:
        assert len(from_snapshot.service.holds) == 0


def test_a_snapshot_without_holds_is_refused(played):
    snapshot = played.service._replica.snapshot("world")
    del snapshot.arrays["holds"]
    with pytest.raises(Misconfigured) as caught:
        restored(played.service.bundle.plan, snapshot)
    assert caught.value.code is Code.SNAPSHOT_INVALID


def test_what_the_rail_did_ends_a_hold(played):
    answer = held(played)
    assert answer.end_to_end_id == transfer(1).end_to_end_id
    played.service.append(rejection(1), (), lambda _failure: None)
    assert len(played.service.holds) == 0
    played.service.clock.stamp(occurred_at=START, supplied=START + HOUR)
    holds_of(played)[0].end_due()
    settle(played)
    assert ends(played.log) == []


def test_what_the_rail_did_ends_the_holds_of_both_phases(played):
    held(played)
    facts = dataclasses.replace(
        transfer(1, amount_centavos=HELD_CENTAVOS), occurred_at=START + SECOND
    )
    again = SettlementPhase(played.service).decide(
        facts, arrived_ns=-500_000_000, supplied_received_at=START + SECOND
    )
    assert again.result(60).outcome is Outcome.HOLD
    assert len(played.service.holds) == 2
    played.service.append(rejection(1), (), lambda _failure: None)
    assert len(played.service.holds) == 0


def test_many_holds_are_ended_in_turns(played, monkeypatch):
    monkeypatch.setattr("crivo.flows.hold_ends.ENDED_AT_ONCE", 2)
    for number in range(5):
        held(played, number, occurred_at=START + number)
    played.service.clock.stamp(occurred_at=START, supplied=START + HOUR)
    service, told = holds_of(played)
    counts = []
    for _ in range(4):
        service.end_due()
        counts.append(5 - len(played.service.holds))
    assert counts == [2, 4, 5, 5]
    settle(played)
    assert len(ends(played.log)) == 5 == len(told)


def test_a_log_that_takes_nothing_is_asked_again(played, monkeypatch):
    held(played)
    played.service.clock.stamp(occurred_at=START, supplied=START + HOUR)
    service, _ = holds_of(played)

    def refuse(*_):
        raise Unavailable(Code.LOG_UNAVAILABLE, "not now")

    with monkeypatch.context() as patched:
        patched.setattr(played.service, "append", refuse)
        service.end_due()
    assert len(played.service.holds) == 1
    service.end_due()
    assert len(played.service.holds) == 0


def test_the_same_end_told_twice_is_one_event(played):
    """Sabotage: a service that forgot what it ended is stopped by the identity of the event."""
    answer = held(played)
    played.service.clock.stamp(occurred_at=START, supplied=START + HOUR)
    service, _ = holds_of(played)
    service.end_due()
    settle(played)
    (end,) = [
        HoldEnd(answer.end_to_end_id, Phase.INITIATION, transfer(1).payer_id, START, Outcome.ALLOW)
    ]
    again = event_of(end, occurred_at=START, received_at=START + HOUR, source="another")
    with pytest.raises(Refused) as caught:
        played.log.append([again])
    assert caught.value.code is Code.DUPLICATE

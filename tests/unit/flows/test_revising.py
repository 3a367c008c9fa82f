"""A degraded hold is judged again once, while it lasts; the first answer stays the first answer."""

from __future__ import annotations

import dataclasses

import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.outcome import Outcome
from crivo.decision.record import decode_derived, decode_record
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Refused, Unavailable
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.phase import Phase
from crivo.flows.event_of import event_of, value_of
from crivo.flows.following import followed
from crivo.flows.hold_ends import HoldService
from crivo.flows.replay import replay
from crivo.flows.revising import ReviseService
from tests.unit.decision.worlds import START, policy, transfer, world
from tests.unit.flows.test_degraded import switched
from tests.unit.flows.test_hold_ends import held, settle


def strict():
    """A policy that holds whatever it had no time for."""
    text = policy()["degraded.toml"]
    head, tail = text.split('key = "timeout.outcome"')
    _, rest = tail.split("from =", 1)
    held_all = f'\nvalue = [{{ outcome = "HOLD" }}]\nfrom ={rest}'
    return {**policy(), "degraded.toml": f'{head}key = "timeout.outcome"{held_all}'}


@pytest.fixture
def played(tmp_path):
    with world(tmp_path, texts=strict()) as made:
        yield made


def service(played):
    told = []
    return ReviseService(played.service, told.append, monotonic_ns=played.monotonic), told


def late(played, number=1, **facts):
    made = transfer(number, occurred_at=START + number, **facts)
    answer = played.decide(made, waited_ms=500).result(60)
    assert answer.outcome is Outcome.HOLD
    return answer


def names(played, answer, phase="initiation"):
    return [each.name for each in followed(played.log, answer.end_to_end_id, phase)]


def test_a_hold_that_is_not_deserved_ends_at_once_and_the_first_answer_stays(played, tmp_path):
    answer = late(played)
    revising, told = service(played)
    revising.revise_some()
    revising.revise_some()
    settle(played)
    assert names(played, answer) == ["revised"]
    (revision,) = [
        value_of(each.event)
        for each in played.log.read(start=0, limit=10)
        if each.event.schema == "decision_revised.v1"
    ]
    assert (revision.outcome, revision.as_of) == (Outcome.WARN, 0)
    assert revision.score is not None
    assert revision.bundle == answer.versions.bundle
    assert told == ["WARN"]
    assert len(played.service.holds) == 0
    assert played.decide(transfer(1, occurred_at=START + 1)).result(60) == answer
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.revisions, found.differing) == (1, 1, 0)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"outcome": Outcome.ALLOW}, "revision.outcome"),
        ({"score": 1}, "revision.score"),
        ({"reasons": ("LISTED",)}, "revision.reasons"),
        ({"payer_id": bytes(16)}, "revision.payer_id"),
        ({"as_of": 5}, "as_of"),
    ],
)
def test_sabotage_a_revision_that_does_not_follow_is_noticed(played, tmp_path, change, where):
    late(played)
    service(played)[0].revise_some()
    settle(played)
    events = [each.event for each in played.log.read(start=0, limit=10)]
    value = value_of(events[-1])
    at = value.occurred_at
    forged = event_of(
        dataclasses.replace(value, **change), occurred_at=at, received_at=at, source="crivo"
    )
    copy = open_log(tmp_path / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    copy.append([*events[:-1], forged])
    found = replay(copy, tmp_path / "bundles", progress=lambda *_: None)
    copy.close()
    assert (found.compared, found.revisions, found.differing) == (1, 1, 1)
    assert found.differences[0].where == (where,)


def test_a_revision_without_its_decision_ends_a_replay(played, tmp_path):
    late(played)
    service(played)[0].revise_some()
    settle(played)
    events = [each.event for each in played.log.read(start=0, limit=10)]
    copy = open_log(tmp_path / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    copy.append(events[1:])
    with pytest.raises(Refused) as caught:
        replay(copy, tmp_path / "bundles", progress=lambda *_: None)
    copy.close()
    assert caught.value.code is Code.NOT_FOUND


def test_it_says_what_a_whole_decision_would_have_said(played):
    answer = late(played, amount_centavos=90_000)
    revising, _ = service(played)
    revising.revise_some()
    settle(played)
    twin = transfer(50, occurred_at=START + 1, payer=8, payee=9, amount_centavos=90_000)
    whole = played.decide(twin, received_at=START + 1).result(60)
    (event,) = followed(played.log, answer.end_to_end_id, "initiation")
    assert event.outcome == whole.outcome.value


def test_a_hold_that_is_deserved_lasts_and_is_not_judged_a_third_time(tmp_path):
    text = policy()["decision.toml"]
    for was, now in (
        ('key = "limits.transfer.amount"\nvalue = "none"', '"1.00"'),
        ('key = "limits.exceeded.outcome"\nvalue = "REJECT"', '"HOLD"'),
        ('key = "score.reject.min"\nvalue = "0.95"', '"1"'),
    ):
        assert was in text
        text = text.replace(was, was.rpartition(" ")[0] + " " + now)
    with world(tmp_path, texts={**policy(), "decision.toml": text}) as played:
        answer = held(played)
        service(played)[0].revise_some()
        settle(played)
        assert names(played, answer) == []
        assert len(played.service.holds) == 1
        assert played.service.holds.next_degraded(START) is None


def test_what_still_lacks_time_is_tried_again(played):
    answer = late(played)
    engine = played.service._replica.engine
    whole = engine.read_row

    class Slow:
        def __getattr__(self, name):
            return getattr(engine, name)

        def read_row(self, row):
            played.monotonic.ns += 200_000_000
            return whole(row)

    revising, _ = service(played)
    played.service._replica.engine = Slow()
    revising.revise_some()
    assert names(played, answer) == []
    played.service._replica.engine = engine
    revising.revise_some()
    settle(played)
    assert names(played, answer) == ["revised"]


def test_a_hold_that_is_over_or_whole_is_left_alone(tmp_path):
    with world(tmp_path, texts=switched("kill.all.state")) as killed:
        answer = killed.decide(transfer(1, amount_centavos=200_000)).result(60)
        assert answer.outcome is Outcome.HOLD
        service(killed)[0].revise_some()
        settle(killed)
        assert names(killed, answer) == []


def test_no_revision_comes_after_the_deadline(played):
    answer = late(played)
    played.service.clock.stamp(occurred_at=START, supplied=answer.hold.until)
    revising, _ = service(played)
    revising.revise_some()
    HoldService(played.service, lambda _: None).end_due()
    settle(played)
    assert names(played, answer) == ["hold_end"]


def test_a_start_revises_what_is_still_held(tmp_path):
    with world(tmp_path, texts=strict()) as played:
        answer = late(played)
    with world(tmp_path, texts=strict()) as again:
        revising, _ = service(again)
        revising.revise_some()
        settle(again)
        assert names(again, answer) == ["revised"]
    with world(tmp_path, texts=strict()) as third:
        service(third)[0].revise_some()
        assert len(third.service.holds) == 0
        assert third.log.end() == 2


def test_several_are_revised_in_turns(played, monkeypatch):
    monkeypatch.setattr("crivo.flows.revising.REVISED_AT_ONCE", 2)
    answers = [late(played, number) for number in range(1, 6)]
    revising, _ = service(played)
    for count in (2, 4, 5, 5):
        revising.revise_some()
        settle(played)
        assert sum(len(names(played, each)) for each in answers) == count


def test_a_log_that_takes_nothing_is_asked_again(played, monkeypatch):
    answer = late(played)
    revising, _ = service(played)

    def refuse(*_, **__):
        raise Unavailable(Code.LOG_UNAVAILABLE, "not now")

    with monkeypatch.context() as patched:
        patched.setattr(played.service, "append", refuse)
        revising.revise_some()
    revising.revise_some()
    settle(played)
    assert names(played, answer) == ["revised"]


def test_sabotage_a_second_revision_is_stopped_by_the_identity_of_the_event(played):
    late(played)
    revising, _ = service(played)
    revising.revise_some()
    settle(played)
    (stored,) = [
        each
        for each in played.log.read(start=0, limit=10)
        if each.event.schema == "decision_revised.v1"
    ]
    value = value_of(stored.event)
    assert value.phase is Phase.INITIATION
    again = event_of(value, occurred_at=START + SECOND, received_at=START + HOUR, source="x")
    with pytest.raises(Refused) as caught:
        played.log.append([again])
    assert caught.value.code is Code.DUPLICATE


def test_the_record_of_the_first_answer_is_as_it_was(played):
    answer = late(played)
    before = played.log.read(start=0, limit=1)[0].event.payload
    service(played)[0].revise_some()
    settle(played)
    assert played.log.read(start=0, limit=1)[0].event.payload == before
    assert decode_derived(decode_record(before).derived).hold == answer.hold
    assert answer.hold.until == START + 1 + 30 * MINUTE

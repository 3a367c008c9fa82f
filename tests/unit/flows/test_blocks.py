"""The payee's institution blocks a credit: one open block, one end, replayed byte for byte."""

from __future__ import annotations

import msgspec
import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import decode_derived, decode_record
from crivo.decision.standing import Step
from crivo.domain.account import CustomerSegment
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.phase import Phase
from crivo.domain.settlement import Rejection, ReturnReason, Settlement, SettlementStatus
from crivo.flows.event_of import event_of
from crivo.flows.following import followed
from crivo.flows.replay import replay
from crivo.flows.replica import restored
from crivo.flows.revising import ReviseService
from crivo.flows.settlement_phase import SettlementPhase
from crivo.flows.webhook_message import message_of
from tests.unit.decision.test_blocks import END, NOBODY, OURS
from tests.unit.decision.worlds import START, policy, transfer, world
from tests.unit.flows.test_follow_up import Told2
from tests.unit.flows.test_hold_ends import ends, holds_of
from tests.unit.flows.test_hold_ends import settle as written
from tests.unit.flows.test_revising import strict

UNTIL = START + 72 * HOUR
SETTLEMENT = Phase.SETTLEMENT


def texts(*changes):
    """The repository's policy, of an institution that blocks credits, with these changes."""
    text = policy()["decision.toml"]
    for old, new in ((NOBODY, NOBODY.replace("[]", f'["{OURS}"]')), *changes):
        assert old in text
        text = text.replace(old, new)
    return {**policy(), "decision.toml": text}


@pytest.fixture
def played(tmp_path):
    with world(tmp_path, texts=texts()) as made:
        yield made


def credit(number=1, **facts):
    """A transfer to a customer of ours, large enough to be held where nobody has time for it."""
    facts.setdefault("payee_segment", CustomerSegment.LEGAL_PERSON)
    facts.setdefault("amount_centavos", 5_000_000)
    return transfer(number, payee_ispb=OURS, **facts)


def asked(played, facts, waited_ms=500):
    service = SettlementPhase(played.service)
    arrived_ns = played.monotonic.ns - waited_ms * 1_000_000
    pending = service.decide(facts, arrived_ns=arrived_ns, supplied_received_at=facts.occurred_at)
    return pending.result(60)


def blocked(played, number=1, **facts):
    answer = asked(played, credit(number, **facts))
    assert (answer.outcome, answer.hold.until) == (Outcome.HOLD, UNTIL)
    assert ReasonCode.PRECAUTIONARY_BLOCK in answer.reasons
    return answer


def told_by_rail(status, **facts):
    about = credit()
    at = START + SECOND
    names = ("end_to_end_id", "payer_id", "payee_id", "amount_centavos")
    value = Settlement(*(getattr(about, name) for name in names), START, at, status, **facts)
    return event_of(value, occurred_at=at, received_at=at, source="http")


def give_back(played, centavos, number=1, at=SECOND):
    """The rail returns part of the credit, or all of it; each return has an id of its own."""
    about = credit()
    names = ("end_to_end_id", "payer_id", "payee_id", "amount_centavos")
    value = Settlement(
        *(getattr(about, name) for name in names),
        START,
        START + at,
        SettlementStatus.RETURNED,
        return_id=f"D12345678202611231200abcDEF{number:05d}",
        return_reason=ReturnReason.FR01,
        returned_centavos=centavos,
    )
    event = event_of(value, occurred_at=START + at, received_at=START + at, source="http")
    played.service.append(event, (), lambda _: None)


def over(played):
    """The time of every block is over, and it is looked for that."""
    played.service.clock.stamp(occurred_at=START, supplied=UNTIL)
    service, told = holds_of(played)
    service.end_due()
    written(played)
    return told


def replayed(played, folder):
    return replay(played.log, folder / "bundles", progress=lambda *_: None)


def test_a_block_that_nobody_ends_is_released_when_its_time_is_over_and_not_before(
    played, tmp_path
):
    answer = blocked(played)
    played.service.clock.stamp(occurred_at=START, supplied=UNTIL - 1)
    holds_of(played)[0].end_due()
    assert (ends(played.log), len(played.service.holds)) == ([], 1)
    assert over(played) == ["ALLOW"]
    (end,) = ends(played.log)
    assert (end.phase, end.occurred_at, end.outcome) == (SETTLEMENT, UNTIL, Outcome.ALLOW)
    (event,) = followed(played.log, answer.end_to_end_id, SETTLEMENT)
    assert (event.step, event.outcome) == (Step.HOLD_PAID, "ALLOW")
    assert replayed(played, tmp_path).is_equal


def test_a_block_is_returned_where_the_policy_said_so_when_it_began(tmp_path):
    returning = texts((END, END.replace("ALLOW", "REJECT")))
    with world(tmp_path, texts=returning) as played:
        assert blocked(played).hold.ends_as == "REJECT"
        assert over(played) == ["REJECT"]
        assert replayed(played, tmp_path).is_equal


def test_the_credit_ends_no_block_and_a_return_by_the_rail_does(played):
    blocked(played)
    played.service.append(told_by_rail(SettlementStatus.SETTLED), (), lambda _: None)
    assert len(played.service.holds) == 1
    give_back(played, 5_000_000)
    holds_of(played)[0].end_due()
    assert len(played.service.holds) == 0
    assert over(played) == []
    assert ends(played.log) == []


def test_the_credit_ends_a_hold_of_the_initiation_and_leaves_the_block(played):
    assert played.decide(credit(), waited_ms=500).result(60).outcome is Outcome.HOLD
    blocked(played)
    assert len(played.service.holds) == 2
    played.service.append(told_by_rail(SettlementStatus.SETTLED), (), lambda _: None)
    assert len(played.service.holds) == 1
    assert over(played) == ["ALLOW"]


@pytest.mark.parametrize("how", ["released", "returned"])
def test_the_institution_ends_its_block_once_after_the_credit(played, tmp_path, how):
    answer, told = blocked(played), Told2(played)
    told.tell(answer, "settled", at=SECOND, phase=SETTLEMENT)
    told.tell(answer, how, at=MINUTE, phase=SETTLEMENT)
    assert len(played.service.holds) == 0
    refusal = told.refused(answer, "released", at=2 * MINUTE, phase=SETTLEMENT)
    assert refusal.code in {Code.STEP_CONFLICT, Code.CONFLICT}
    assert over(played) == []
    names = [each.name for each in followed(played.log, answer.end_to_end_id, SETTLEMENT)]
    assert names == ["settled", how]
    assert replayed(played, tmp_path).is_equal


def test_a_payer_cannot_cancel_what_was_blocked_and_an_order_cannot_be_returned(played):
    told = Told2(played)
    refusal = told.refused(blocked(played), "cancelled", phase=SETTLEMENT)
    assert refusal.code is Code.STEP_CONFLICT
    assert refusal.context["expected"] == "settled, rejected, released, returned"
    order = played.decide(credit(2), waited_ms=500).result(60)
    assert told.refused(order, "returned").code is Code.STEP_CONFLICT


def messages(played):
    found = [message_of(each, played.log) for each in played.log.read(start=0, limit=100)]
    bodies = [msgspec.json.decode(each.body) for each in found if each is not None]
    return [(each["type"], each["data"].get("cause"), each["data"]["outcome"]) for each in bodies]


@pytest.mark.parametrize(
    ("step", "ended"),
    [("released", ("RELEASED", "ALLOW")), ("returned", ("RETURNED", "REJECT")), (None, ())],
)
def test_subscribers_hear_of_a_block_and_of_its_end_and_not_of_the_credit(played, step, ended):
    answer, told = blocked(played), Told2(played)
    told.tell(answer, "settled", at=SECOND, phase=SETTLEMENT)
    assert messages(played) == [("decision.held", None, "HOLD")]
    if step:
        told.tell(answer, step, at=MINUTE, phase=SETTLEMENT)
    over(played)
    last = ended or ("TIME_OVER", "ALLOW")
    assert messages(played)[1:] == [("hold.ended", *last)]


def test_an_order_that_the_rail_rejected_is_blocked_no_more(played):
    blocked(played)
    event = told_by_rail(SettlementStatus.REJECTED, rejection=Rejection.FRAD)
    played.service.append(event, (), lambda _: None)
    written(played)
    assert len(played.service.holds) == 0
    assert messages(played)[1:] == [("hold.ended", "REJECTED", "REJECT")]


def test_a_block_for_want_of_time_that_is_not_deserved_ends_at_once(tmp_path):
    patient = {**texts(), "degraded.toml": strict()["degraded.toml"]}
    with world(tmp_path, texts=patient) as played:
        answer = blocked(played, amount_centavos=10_000)
        told = []
        revising = ReviseService(played.service, told.append, monotonic_ns=played.monotonic)
        revising.revise_some()
        written(played)
        assert len(told) == 1 and told != ["HOLD"]
        assert len(played.service.holds) == 0
        names = [each.name for each in followed(played.log, answer.end_to_end_id, SETTLEMENT)]
        assert names == ["revised"]
        found = replayed(played, tmp_path)
        assert (found.revisions, found.differing) == (1, 0)


def test_a_start_and_a_snapshot_know_the_block_and_that_the_credit_ends_it_not(tmp_path):
    with world(tmp_path, texts=texts()) as played:
        blocked(played)
        snapshot = played.service.replica.snapshot("world")
        bundle = played.service.bundle
    for start in (None, restored(bundle.plan, snapshot)):
        with world(tmp_path, bundle=bundle, start=start) as again:
            event = told_by_rail(SettlementStatus.SETTLED)
            if again.log.find(event.event_id) is None:
                again.service.append(event, (), lambda _: None)
                written(again)
            assert len(again.service.holds) == 1


def test_a_repeat_gets_the_terms_of_the_block_again(played):
    answer = blocked(played)
    assert asked(played, credit()) == answer
    assert played.service.find(answer.end_to_end_id, SETTLEMENT) == answer


def test_sabotage_terms_that_were_forged_in_the_record_are_noticed(played, tmp_path):
    answer = blocked(played)
    (stored,) = played.log.read(start=answer.seq, limit=1)
    parts = msgspec.msgpack.decode(stored.event.payload)
    derived = msgspec.msgpack.decode(decode_record(stored.event.payload).derived)
    assert decode_derived(parts[5]).hold.until == UNTIL
    derived[-1] = [UNTIL + HOUR, "ALLOW"]
    parts[5] = msgspec.msgpack.encode(derived)
    forged = stored.event._replace(payload=msgspec.msgpack.encode(parts))
    log = open_log(tmp_path / "copy.sqlite", clock=ClockKind.REPLAY, new_log_id="world")
    try:
        log.append([forged])
        found = replay(log, tmp_path / "bundles", progress=lambda *_: None)
    finally:
        log.close()
    assert [each.where for each in found.differences] == [("hold", "derived")]


def test_sabotage_a_state_that_forgot_what_a_block_is_ends_it_with_the_credit(played, monkeypatch):
    monkeypatch.setattr("crivo.flows.holds.is_block", lambda _: False)
    blocked(played)
    played.service.append(told_by_rail(SettlementStatus.SETTLED), (), lambda _: None)
    assert len(played.service.holds) == 0, "so the law above would be red"

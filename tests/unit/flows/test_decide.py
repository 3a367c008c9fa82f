"""The service: what an answer says, when it is degraded, and what state it leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crivo.adapters.sqlite.log import open_log
from crivo.decision.outcome import Outcome
from crivo.decision.reasons import ReasonCode
from crivo.decision.record import decode_record
from crivo.domain.clock import ClockKind, LogClock
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.event import Event, transfer_event_id
from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.report import ReportStatus
from crivo.domain.streams import Stream
from crivo.features.engine import Engine
from crivo.features.plan import compile_plan
from crivo.features.row import transfer_row
from crivo.features.spec import FeatureSet
from crivo.flows.codec import encode_transfer
from crivo.flows.decide import DecisionService
from crivo.flows.replay import replay
from crivo.flows.settlement_phase import SettlementPhase
from tests.unit.decision.worlds import START, bundle_in, plan, transfer, world


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def test_an_answer_says_what_it_had_seen_and_with_what_it_was_made(played):
    answers = [
        played.decide(transfer(number, occurred_at=START + number)).result(60)
        for number in range(3)
    ]
    assert [(each.as_of, each.seq) for each in answers] == [(-1, 0), (0, 1), (1, 2)]
    assert answers[0].versions == played.service.bundle.versions
    assert answers[2].received_at == START + 2
    assert answers[0].degraded == () and answers[0].score is not None
    assert played.service.find(answers[1].end_to_end_id) == answers[1]


@pytest.mark.parametrize(("waited_ms", "modes"), [(0, ()), (90, ()), (91, ("TIMEOUT",))])
def test_features_that_cannot_begin_in_time_are_not_read(played, waited_ms, modes):
    answer = played.decide(transfer(1), waited_ms=waited_ms).result(60)
    record = decode_record(played.log.read(start=0, limit=1)[0].event.payload)
    assert (answer.score is None) == bool(modes)
    assert answer.degraded == modes
    assert (record.kept == b"") == bool(modes)
    assert record.observed.waited_ns == waited_ms * 1_000_000


@pytest.mark.parametrize(("took_ms", "modes"), [(95, ()), (96, ("NO_MODEL",))])
def test_a_model_that_cannot_begin_in_time_is_not_asked_and_the_rules_decide(
    played, tmp_path, monkeypatch, took_ms, modes
):
    engine = type(played.service._engine)
    whole = engine.read_row

    def slow(self, row):
        played.monotonic.ns += took_ms * 1_000_000
        return whole(self, row)

    monkeypatch.setattr(engine, "read_row", slow)
    answer = played.decide(transfer(1, amount_centavos=400_000)).result(60)
    assert answer.degraded == modes
    assert (answer.score is None) == bool(modes)
    assert ReasonCode.PAYEE_NEW_FOR_PAYER in answer.reasons
    assert (ReasonCode.MODEL_MISSING in answer.reasons) == bool(modes)
    assert answer.outcome is (Outcome.STEP_UP if modes else answer.outcome)
    monkeypatch.undo()
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (1, 0)


def test_a_scorer_that_takes_too_long_degrades_the_answer_too(played, monkeypatch):
    scorer = played.service.bundle.scorer

    class Slow:
        contributions = scorer.contributions

        @staticmethod
        def score_one(vector, *, plan_hash):
            played.monotonic.ns += 200_000_000
            return scorer.score_one(vector, plan_hash=plan_hash)

    # Other tests of the process have the same bundle: this one's is a copy.
    played.service._judge.bundle = replace(played.service.bundle, scorer=Slow())
    assert played.decide(transfer(1)).result(60).degraded == ("TIMEOUT",)


def test_a_degraded_transfer_still_enters_state(played):
    played.decide(transfer(1), waited_ms=500).result(60)
    played.decide(transfer(2, occurred_at=START + SECOND)).result(60)
    names = played.service.bundle.plan.names
    vector = kept(played, 1)
    assert vector[names.index("pair_transfer_count_30d")] == 1.0


def test_a_report_is_seen_by_the_transfers_after_it(played):
    first = played.decide(transfer(1)).result(60)
    played.reports.report(
        report_id="r",
        status=ReportStatus.ACCEPTED,
        end_to_end_id=first.end_to_end_id,
        supplied_received_at=START + HOUR,
    ).result(60)
    played.decide(transfer(2, occurred_at=START + 2 * HOUR)).result(60)
    names = played.service.bundle.plan.names
    vector = kept(played, 2)
    assert vector[names.index("payee_report_count_30d_where_accepted")] == 1.0


def kept(played, seq):
    record = decode_record(played.log.read(start=seq, limit=1)[0].event.payload)
    return memoryview(record.kept).cast("d").tolist()


def test_a_model_of_rows_decides_no_transfer_but_repeats_what_was_decided(tmp_path):
    with world(tmp_path) as played:
        first = played.decide(transfer(1)).result(60)
    rows = bundle_in(tmp_path, names=("V1", "V2"))
    assert not rows.decides_transfers
    with world(tmp_path, bundle=rows) as again:
        assert again.decide(transfer(1)).result(60) == first
        with pytest.raises(Refused) as caught:
            again.decide(transfer(2))
        assert caught.value.code is Code.MODEL_NOT_FOR_TRANSFERS
        assert again.log.end() == 1


def test_recovery_tells_how_far_it_is(tmp_path, monkeypatch):
    with world(tmp_path) as played:
        for number in range(5):
            played.decide(transfer(number, occurred_at=START + number)).result(60)
    monkeypatch.setattr("crivo.flows.replica.BATCH", 2)
    with world(tmp_path) as again:
        assert again.service.folded == 5
        assert again.service.clock.now() == START + 4
        again.service.recover(lambda *_: pytest.fail("there is nothing left to recover"))


def test_a_transfer_of_the_past_can_be_reported(played):
    past = transfer(7)
    event = Event(
        stream=Stream.HISTORY,
        key=past.payer_id,
        event_id=transfer_event_id(past.end_to_end_id),
        occurred_at=START,
        received_at=START,
        schema="transfer.v1",
        source="import",
        payload=encode_transfer(past),
    )
    played.service.append(event, [transfer_row(past, received_at=START)], lambda _failure: None)
    taken = played.reports.report(
        report_id="r", status=ReportStatus.CLAIMED, end_to_end_id=past.end_to_end_id
    ).result(60)
    assert (taken.report.payee_id, taken.report.amount_centavos) == (past.payee_id, 10_000)
    assert taken.known_at == START


def test_on_a_wall_clock_the_receipt_is_the_clocks_whatever_the_request_says(tmp_path):
    log = open_log(tmp_path / "log.sqlite", clock=ClockKind.WALL, new_log_id="wall")
    try:
        service = DecisionService(
            log=log,
            bundle=bundle_in(tmp_path),
            clock=LogClock(ClockKind.WALL, wall=lambda: START + 5),
            monotonic_ns=lambda: 0,
            host="test",
        )
        answer = service.decide(transfer(1), arrived_ns=0, supplied_received_at=START + HOUR)
        assert answer.result(60).received_at == START + 5
        for made, code in (
            (transfer(2, occurred_at=START + 2 * MINUTE), Code.CLOCK_AHEAD),
            (transfer(3, occurred_at=START - 13 * HOUR), Code.ID_TIME),
        ):
            with pytest.raises(Refused) as caught:
                service.decide(made, arrived_ns=0)
            assert caught.value.code is code
    finally:
        log.close()


def test_a_vector_of_another_plan_is_not_scored_and_leaves_no_trace(played):
    played.decide(transfer(1)).result(60)
    before, end = played.service.counts, played.log.end()
    other = compile_plan(FeatureSet(plan().feature_set.features[::-1]))
    replica = played.service._replica
    ours, replica.engine = replica.engine, Engine(other)
    with pytest.raises(Misconfigured) as refusal:
        played.decide(transfer(2, occurred_at=START + SECOND))
    assert refusal.value.code is Code.PLAN_MISMATCH
    assert played.log.end() == end
    replica.engine = ours
    assert played.service.counts == before
    answer = played.decide(transfer(2, occurred_at=START + SECOND)).result(60)
    assert answer.seq == end


def itself(number, **facts):
    """A transfer from an account to itself."""
    made = transfer(number, **facts)
    return replace(made, payee_account_id=made.payer_account_id)


def check_nobody_pays_itself(played):
    played.decide(transfer(1)).result(60)
    end, counts, now = played.log.end(), played.service.counts, played.service.clock.now()
    settlement = SettlementPhase(played.service)
    for decides in (played.service, settlement):
        with pytest.raises(Refused) as caught:
            decides.decide(itself(2, occurred_at=START + SECOND), arrived_ns=0)
        assert caught.value.code is Code.PAYEE_IS_PAYER
    (refused, taken) = played.service.decide_many(
        [(itself(3), None), (transfer(4), None)], arrived_ns=0
    )
    assert refused.code is Code.PAYEE_IS_PAYER
    assert taken.result(60).seq == end
    assert (played.log.end(), played.service.clock.now()) == (end + 1, now)
    assert played.service.counts != counts


def test_a_payer_that_pays_itself_is_refused_and_leaves_no_trace(played):
    check_nobody_pays_itself(played)


def test_sabotage_a_door_that_looks_at_no_accounts_is_noticed(played, monkeypatch):
    monkeypatch.setattr("crivo.flows.receiving.check_two_accounts", lambda _: None)
    with pytest.raises(pytest.fail.Exception):
        check_nobody_pays_itself(played)


def test_two_institutions_may_hold_accounts_of_one_number(played):
    made = replace(itself(1), payer_ispb="12345678", payee_ispb="87654321")
    assert played.decide(made).result(60).seq == 0


def check_what_an_earlier_release_took_is_repeated(folder, monkeypatch):
    with world(folder) as played:
        with monkeypatch.context() as before:
            before.setattr("crivo.flows.receiving.check_two_accounts", lambda _: None)
            first = played.decide(itself(1)).result(60)
        assert played.decide(itself(1)).result(60) == first
        played.decide(transfer(2, occurred_at=START + 40 * HOUR)).result(60)
    # A start remembers the newest day alone: the log is asked for what was before it.
    with world(folder) as again:
        assert again.service.folded == 2
        assert again.decide(itself(1), received_at=START).result(60) == first
        with pytest.raises(Refused) as caught:
            again.decide(replace(itself(1), amount_centavos=1), received_at=START)
        assert caught.value.code is Code.CONFLICT
        assert again.log.end() == 2


def test_what_a_release_decided_that_let_payers_pay_themselves_is_read_and_repeated(
    tmp_path, monkeypatch
):
    check_what_an_earlier_release_took_is_repeated(tmp_path, monkeypatch)


def test_sabotage_a_door_that_forgets_what_was_decided_before_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("crivo.flows.decide.OF_ITS_TIME", frozenset({Code.ID_TIME}))
    with pytest.raises(Refused):
        check_what_an_earlier_release_took_is_repeated(tmp_path, monkeypatch)

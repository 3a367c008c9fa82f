"""Reviews: asked for once a side, answered once by somebody with a name, told of in the report."""

from __future__ import annotations

import json

import msgspec
import pytest

from crivo.decision.outcome import Outcome
from crivo.decision.rail import ON_RAIL
from crivo.decision.reason_texts import Audience
from crivo.decision.standing import Step, standing
from crivo.domain.dict_statistics import (
    Amounts,
    DictStatistics,
    Markers,
    Reports,
    StatisticsOf,
    Windows,
)
from crivo.domain.errors import Code, Refused
from crivo.domain.instant import HOUR, MINUTE, format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.review import Review, ReviewResult, ReviewSide, ReviewStatus
from crivo.features.registry import default_feature_set
from crivo.features.told import told_rows
from crivo.flows.bundle import load_bundle
from crivo.flows.decision_report import WATERMARKS, report_decision
from crivo.flows.event_of import event_of
from crivo.flows.explain import Explainer
from crivo.flows.hold_ends import HoldService
from crivo.flows.payload import decode, encode
from crivo.flows.pending import Pending
from crivo.flows.replay import replay
from crivo.flows.review import Asked, ReviewService, require_steps, steps_of
from crivo.flows.settlement_phase import SettlementPhase
from crivo.governance.decision_report import (
    ReportedHold,
    ReportedStep,
    ReportedSums,
    ReportedWatermark,
    report_html,
    report_json,
)
from tests.unit.decision.worlds import START, transfer, world


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def decided(played, number=1, **facts):
    """The EndToEndId of a decision."""
    made = transfer(number, **facts)
    played.decide(made).result(60)
    return made.end_to_end_id


def take(service, id_, at=START + HOUR, side=ReviewSide.PAYER, **answer):
    return service.take(Asked(id_, side, **answer), supplied_received_at=at).result(60)


def report_of(played, id_, audience=Audience.PAYER, phase=Phase.INITIATION):
    explainer = Explainer(
        log=played.log,
        bundle=lambda: played.service.bundle,
        load=lambda hash_: load_bundle(played.folder / "bundles", hash_),
        features=default_feature_set().features,
    )
    return report_decision(played.log, explainer, id_, audience=audience, phase=phase)


def refused(*arguments, **options):
    with pytest.raises(Refused) as refusal:
        take(*arguments, **options)
    return refusal.value.code


def test_a_request_and_its_answer_stand_in_the_log_and_repeats_get_them_again(played):
    id_, service = decided(played), ReviewService(played.service)
    request = take(service, id_)
    assert request.review.status is ReviewStatus.REQUESTED
    assert take(service, id_, START + 2 * HOUR) == request, "a repeat asks nothing new"
    answer = {"reviewer": "ana", "result": ReviewResult.UPHELD}
    answered = take(service, id_, START + 3 * HOUR, **answer)
    assert take(service, id_, START + 4 * HOUR, **answer) == answered
    assert steps_of(played.log, id_) == [request, answered]
    assert require_steps(played.log, id_, ReviewSide.PAYER) == [request, answered]
    other = {"reviewer": "bia", "result": ReviewResult.CHANGED}
    assert refused(service, id_, START + 5 * HOUR, **other) is Code.CONFLICT


def test_each_side_asks_for_itself(played):
    id_, service = decided(played), ReviewService(played.service)
    take(service, id_)
    payee = take(service, id_, side=ReviewSide.PAYEE)
    assert [each.review.side for each in steps_of(played.log, id_)] == list(ReviewSide)
    assert require_steps(played.log, id_, ReviewSide.PAYEE) == [payee]


def test_what_cannot_be_reviewed_is_refused(played):
    id_, service = decided(played), ReviewService(played.service)
    other = transfer(7).end_to_end_id
    assert refused(service, other) is Code.NOT_FOUND
    answer = {"reviewer": "ana", "result": ReviewResult.UPHELD}
    assert refused(service, id_, **answer) is Code.NOT_FOUND, "nobody asked"
    take(service, id_)
    assert refused(service, id_, reviewer="ana") is Code.FIELD_MISSING
    assert refused(service, id_, result=ReviewResult.UPHELD) is Code.FIELD_MISSING
    assert refused(service, id_, START - MINUTE - 1, side=ReviewSide.PAYEE) is Code.TIME_RANGE
    assert refused(service, "E1") is Code.ID_INVALID
    with pytest.raises(Refused):
        require_steps(played.log, other, *ReviewSide)


def test_reviews_change_no_state_and_no_replay(played):
    id_, service = decided(played), ReviewService(played.service)
    take(service, id_)
    decided(played, 2, occurred_at=START + 2 * HOUR)
    found = replay(played.log, played.folder / "bundles", progress=print)
    assert (found.compared, found.differing) == (2, 0)
    (played.folder / "again").mkdir()
    with world(played.folder / "again") as other:
        for number, at in ((1, START), (2, START + 2 * HOUR)):
            decided(other, number, occurred_at=at)
        ids = [transfer(1).end_to_end_id, transfer(2, occurred_at=START + 2 * HOUR).end_to_end_id]
        assert [played.service.find(each).score for each in ids] == [
            other.service.find(each).score for each in ids
        ]


def test_the_report_holds_what_the_decision_followed_from_and_adds_up(played):
    id_, service = decided(played, amount_centavos=5_000_000), ReviewService(played.service)
    take(service, id_)
    take(service, id_, START + 3 * HOUR, reviewer="ana", result=ReviewResult.CHANGED)
    report = report_of(played, id_)
    answer = played.service.find(id_)
    assert (report.outcome, report.score, report.seq) == (
        answer.outcome.value,
        answer.score,
        answer.seq,
    )
    assert len(report.inputs) == len(played.service.bundle.artifact.input_names)
    assert [each.code for each in report.reasons] == [each.value for each in answer.reasons]
    assert report.versions["policy"] == answer.versions.policy
    (review,) = report.reviews
    assert (review.side, review.reviewer, review.result) == ("PAYER", "ana", "CHANGED")
    assert json.loads(json.dumps(report_json(report)))["reviews"][0]["requested_at"]
    page = report_html(report)
    for text in (id_, report.outcome, "ana", "CHANGED", report.versions["model"]):
        assert text in page
    assert "<script" not in page


def settle(played, made):
    phase = SettlementPhase(played.service)
    phase.decide(made, arrived_ns=0, supplied_received_at=START).result(60)


def test_the_settlement_phase_alone_is_reviewed_and_reported(played):
    made, service = transfer(1), ReviewService(played.service)
    settle(played, made)
    assert refused(service, made.end_to_end_id) is Code.NOT_FOUND, "nothing was initiated here"
    request = take(service, made.end_to_end_id, phase=Phase.SETTLEMENT)
    assert request.review.payer_id == made.payer_id
    report = report_of(played, made.end_to_end_id, phase=Phase.SETTLEMENT)
    assert (report.phase, report.seq, len(report.reviews)) == ("settlement", 0, 1)
    with pytest.raises(Refused) as refusal:
        report_of(played, made.end_to_end_id)
    assert refusal.value.code is Code.NOT_FOUND


def check_each_phase_has_its_own_review(played):
    made, service = transfer(1), ReviewService(played.service)
    id_ = decided(played)
    settle(played, made)
    first = take(service, id_)
    second = take(service, id_, START + 2 * HOUR, phase=Phase.SETTLEMENT)
    answer = {"reviewer": "ana", "result": ReviewResult.CHANGED}
    answered = take(service, id_, START + 3 * HOUR, phase=Phase.SETTLEMENT, **answer)
    assert steps_of(played.log, id_) == [first]
    assert steps_of(played.log, id_, Phase.SETTLEMENT) == [second, answered]
    assert [each.reviewer for each in report_of(played, id_).reviews] == [None]
    told = report_of(played, id_, phase=Phase.SETTLEMENT).reviews
    assert [each.reviewer for each in told] == ["ana"]


def test_each_phase_of_a_transfer_has_its_own_review(played):
    check_each_phase_has_its_own_review(played)


def test_reviews_that_share_an_id_whatever_their_phase_are_found_out(played, monkeypatch):
    def shared(end_to_end_id, _phase, side, status):
        return f"{end_to_end_id}/{side}/{status}"

    for module in ("crivo.domain.review", "crivo.flows.review"):
        monkeypatch.setattr(f"{module}.review_own_id", shared)
    with pytest.raises((AssertionError, Refused)):
        check_each_phase_has_its_own_review(played)


def test_a_review_from_before_there_were_phases_is_the_initiations(played):
    id_, service = decided(played), ReviewService(played.service)
    review = take(service, id_).review
    fields = msgspec.msgpack.decode(encode(review))
    assert (fields.pop(), fields.pop()) == (None, "initiation")
    found = decode("review.v1", msgspec.msgpack.encode(fields))
    assert found == review
    assert isinstance(found, Review)
    # Its event keeps the identity under which it was written.
    assert found.own_id == f"{id_}/PAYER/REQUESTED"


def test_the_report_tells_the_hold_what_followed_and_what_was_attempted_before(played):
    id_ = decided(played)
    report = report_of(played, id_)
    assert (report.hold, report.events, report.lists) == (None, (), ())
    made = transfer(2, amount_centavos=5_000_000)
    answer = played.decide(made, waited_ms=500).result(60)
    assert answer.outcome is Outcome.HOLD
    report = report_of(played, made.end_to_end_id)
    until = format_rfc3339(answer.hold.until)
    assert report.standing == "HELD"
    assert report.hold == ReportedHold(until, "REJECT")
    assert until in report_html(report) and "hold_end" not in report_html(report)
    played.service.clock.stamp(occurred_at=START, supplied=answer.hold.until)
    HoldService(played.service, lambda _outcome: None).end_due()
    decided(played, 3, occurred_at=answer.hold.until)
    report = report_of(played, made.end_to_end_id)
    assert report.events == (ReportedStep("hold_end", until, until, "REJECT"),)
    assert report.standing == standing(Outcome.HOLD, [Step.HOLD_REJECTED]).value != "HELD"
    assert "hold_end" in report_html(report)
    last = played.service.find(transfer(3, occurred_at=answer.hold.until).end_to_end_id)
    told = report_of(played, last.end_to_end_id).sums
    assert told == ReportedSums(*msgspec.structs.astuple(last.sums))
    assert told.day > 0 and str(told.day) in report_html(report_of(played, last.end_to_end_id))


def tell_counts(played, person, at):
    """The directory's counts of a person: of markers an hour old, of reports half a day."""
    windows = Windows(1, 1, 2)
    value = DictStatistics(
        "y-1",
        at,
        StatisticsOf.PERSON,
        person,
        markers=Markers(at - HOUR, *[windows] * 5, Amounts(1, 2, 3), windows),
        reports=Reports(at - 12 * HOUR, 1, 1, windows),
    )
    event = event_of(value, occurred_at=at, received_at=at, source="http")
    pending = Pending()
    rows = told_rows(value, received_at=at, event_id=event.event_id)
    played.service.append(event, rows, lambda _failure: pending.resolve(None))
    pending.result(60)


def test_the_report_tells_how_old_the_directorys_counts_were(played):
    person = b"p" * 16
    tell_counts(played, person, START - HOUR)
    id_ = decided(played, payee_person_id=person)
    told = report_of(played, id_).directory
    assert told == (
        ReportedWatermark("transfers received", None, None),
        ReportedWatermark("fraud markers", 7_200.0, format_rfc3339(START - 2 * HOUR)),
        ReportedWatermark("reports", 46_800.0, format_rfc3339(START - 13 * HOUR)),
    )
    page = report_html(report_of(played, id_))
    assert "<td>transfers received</td><td>never told</td><td>–</td>" in page
    assert f"<td>7,200</td><td>{format_rfc3339(START - 2 * HOUR)}</td>" in page
    # Of what was never read nothing is said.
    unscored = transfer(2, payee_person_id=person)
    played.decide(unscored, waited_ms=500).result(60)
    report = report_of(played, unscored.end_to_end_id)
    assert (report.directory, report.inputs) == ((), ())
    assert "nothing was read" in report_html(report)


def test_the_features_that_hold_watermarks_are_in_the_catalogue():
    names = {each.name for each in default_feature_set().features}
    assert set(WATERMARKS.values()) <= names


def test_the_report_tells_what_the_log_took_for_the_decision_before(played):
    played.decide(transfer(1)).result(60)
    after = transfer(2, occurred_at=START + 1)
    played.decide(after).result(60)
    first, second = (report_of(played, each.end_to_end_id) for each in (transfer(1), after))
    assert first.log_microseconds is None and "not known" in report_html(first)
    assert second.log_microseconds == 0, "the clock of this world stands still"


def test_the_report_says_what_is_done_on_the_rail(played):
    made = transfer(1, amount_centavos=5_000_000)
    played.decide(made, waited_ms=500).result(60)
    report = report_of(played, made.end_to_end_id)
    assert report.on_rail.service_level == "PAGFRD"
    assert report.on_rail.rejection is None
    assert json.loads(json.dumps(report_json(report)))["on_rail"]["service_level"] == "PAGFRD"
    assert ON_RAIL[Outcome.HOLD].action in report_html(report)
    assert report_of(played, decided(played, 2)).on_rail.service_level is None


def test_a_decision_that_nobody_made_has_no_report(played):
    with pytest.raises(Refused) as refusal:
        report_of(played, transfer(7).end_to_end_id)
    assert refusal.value.code is Code.NOT_FOUND

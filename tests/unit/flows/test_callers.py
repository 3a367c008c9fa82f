"""Whose key or token told something is kept with it, shown in the report, and no fact of it."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from crivo.decision.follow_up import FollowUp, FollowUpKind
from crivo.decision.record import Record, decode_record
from crivo.decision.standing import Step
from crivo.domain.errors import Code, Misconfigured, Refused
from crivo.domain.instant import HOUR, SECOND, format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.report import Report, ReportStatus
from crivo.domain.review import ReviewResult, ReviewSide
from crivo.flows import telling as telling_module
from crivo.flows.event_body import parse_event
from crivo.flows.event_of import event_of, value_of
from crivo.flows.follow_up import Told
from crivo.flows.payload import decode, encode
from crivo.flows.replay import replay
from crivo.flows.report import ReportService
from crivo.flows.review import Asked, ReviewService
from crivo.flows.schemas import BY_VALUE
from crivo.flows.settlement_phase import SettlementPhase
from crivo.flows.telling import TOLD_HERE, TellingService
from crivo.flows.told_mapping import Told as Section
from crivo.flows.told_mapping import check_told
from crivo.flows.verdicts import verdict_report_id
from crivo.governance.decision_report import report_html
from tests.unit.decision.worlds import START, transfer, world
from tests.unit.domain.examples import VALUES
from tests.unit.flows.test_body_schema import told as told_examples
from tests.unit.flows.test_follow_up import Told2, warned
from tests.unit.flows.test_hold_ends import settle
from tests.unit.flows.test_review import report_of
from tests.unit.flows.test_telling import PSEUDONYMS

ANA, BIA = "key:ana", "oidc:bia"


@pytest.fixture
def played(tmp_path):
    with world(tmp_path) as made:
        yield made


def decide(played, made, caller):
    return played.service.decide(made, arrived_ns=0, caller=caller).result(60)


def stored(played):
    return [each.event for each in played.log.read(start=0, limit=100)]


def callers(played):
    """Of each event whose key told it."""
    return [
        decode_record(each.payload).caller
        if each.schema == "decision.v1"
        else value_of(each).caller
        for each in stored(played)
    ]


def test_a_decision_keeps_who_asked_first_in_either_phase_and_in_a_batch(played, tmp_path):
    one, other = transfer(1), transfer(2)
    first = decide(played, one, ANA)
    assert decide(played, one, BIA) == first, "a repeat under another key is a repeat"
    (answer,) = played.service.decide_many([(other, None)], arrived_ns=0, caller=BIA)
    answer.result(60)
    settles = SettlementPhase(played.service)
    for caller in (BIA, ANA):
        settles.decide(one, arrived_ns=0, supplied_received_at=START, caller=caller).result(60)
    decide(played, transfer(3), None)
    assert callers(played) == [ANA, BIA, BIA, None]
    found = replay(played.log, tmp_path / "bundles", progress=lambda *_: None)
    assert (found.compared, found.differing) == (4, 0)


def take_each_twice(played):
    """A follow-up, a settlement, a report and a review: told by Ana, repeated by Bia."""
    told, reports = Told2(played), ReportService(played.service)
    answer = warned(told)
    id_, reviews = answer.end_to_end_id, ReviewService(played.service)

    def follow(step, at, caller):
        value = Told(id_, Phase.INITIATION, Step(step), START + at)
        return told.service.tell(value, supplied_received_at=START + at, caller=caller)

    def report(caller):
        return reports.report(
            report_id="r-1",
            status=ReportStatus.CLAIMED,
            end_to_end_id=id_,
            supplied_received_at=START + HOUR,
            caller=caller,
        )

    def review(caller):
        asked = Asked(id_, ReviewSide.PAYER)
        return reviews.take(asked, supplied_received_at=START + HOUR, caller=caller)

    for ask in (
        lambda caller: follow("warn_confirmed", SECOND, caller),
        lambda caller: follow("settled", 2 * SECOND, caller),
        report,
        review,
    ):
        first = ask(ANA)
        # While it is on its way, and when it is on disk.
        assert ask(BIA).result(60) == first.result(60)
        assert ask(None).result(60) == first.result(60)
    return answer


def test_what_is_told_keeps_who_told_it_and_a_repeat_under_another_key_stays_one(played):
    take_each_twice(played)
    assert [each.schema for each in stored(played)] == [
        "decision.v1",
        "follow_up.v1",
        "settlement.v1",
        "report.v1",
        "review.v1",
    ]
    assert callers(played) == [None, ANA, ANA, ANA, ANA]


def test_sabotage_a_door_to_which_the_key_is_a_fact_is_noticed(played, monkeypatch):
    monkeypatch.setattr(telling_module, "CALLER", "nothing")
    with pytest.raises(Refused) as refusal:
        take_each_twice(played)
    assert refusal.value.code is Code.CONFLICT


def settlement(id_, **changes):
    at = format_rfc3339(START + SECOND)
    return {"end_to_end_id": id_, "occurred_at": at, "status": "SETTLED", **changes}


def test_nobody_says_by_whom_an_event_is_told_but_the_door(played):
    made, telling = transfer(1), TellingService(played.service, PSEUDONYMS)
    decide(played, made, None)
    with pytest.raises(Refused) as refusal:
        telling.tell("settlement.v1", settlement(made.end_to_end_id, caller=BIA), caller=ANA)
    assert (refusal.value.code, refusal.value.context["field"]) == (Code.FIELD_UNKNOWN, "caller")
    telling.tell("settlement.v1", settlement(made.end_to_end_id), caller=ANA).result(60)
    telling.tell("settlement.v1", settlement(made.end_to_end_id), caller=BIA).result(60)
    assert callers(played) == [None, ANA]
    with pytest.raises(Refused):
        parse_event("report.v1", {"caller": BIA}, PSEUDONYMS)


def test_a_file_of_events_names_no_caller():
    section = Section(schema="settlement.v1", table="rail", fields={"caller": "who"})
    with pytest.raises(Misconfigured, match="fields must be one of") as refusal:
        check_told([section], "a mapping")
    assert refusal.value.code is Code.MAPPING_INVALID


KEPT = [each for each in VALUES if hasattr(each, "caller")]


def test_every_kind_that_somebody_tells_keeps_its_caller_and_has_an_example():
    kinds = {*TOLD_HERE, "follow_up.v1", "report.v1", "review.v1"}
    assert {BY_VALUE[type(each)].name for each in KEPT} == kinds


@pytest.mark.parametrize("kind", TOLD_HERE)
def test_the_door_fills_in_who_told_each_kind(kind):
    for body, facts in told_examples(kind):
        found = parse_event(kind, body, PSEUDONYMS, facts=facts, caller=ANA)
        assert found.caller == ANA
        assert dataclasses.replace(found, caller=None) == parse_event(
            kind, body, PSEUDONYMS, facts=facts
        )


def listed(action):
    return {
        "entry_id": "e-1",
        "occurred_at": format_rfc3339(START),
        "entity": "PERSON",
        "entity_id": "rui",
        "kind": "DENY",
        "side": "BOTH",
        "action": action,
    }


def test_a_list_keeps_who_put_somebody_on_it_and_who_took_him_off(played):
    telling = TellingService(played.service, PSEUDONYMS)
    for action, caller in (("ADDED", ANA), ("ADDED", BIA), ("REMOVED", BIA)):
        telling.tell("list_entry.v1", listed(action), caller=caller).result(60)
    assert callers(played) == [ANA, BIA]


@pytest.mark.parametrize("value", KEPT, ids=[str(place) for place in range(len(KEPT))])
def test_what_was_written_before_callers_were_kept_is_read_as_it_was(value):
    schema = BY_VALUE[type(value)].name
    fields = msgspec.msgpack.decode(encode(dataclasses.replace(value, caller=ANA)))
    assert fields.pop() == ANA
    found = decode(schema, msgspec.msgpack.encode(fields))
    assert (found.caller, found) == (None, dataclasses.replace(value, caller=None))


@pytest.mark.parametrize("name", ["", "a\nb", "a" * 261])
def test_a_caller_without_a_name_to_show_is_refused(name):
    value = next(each for each in KEPT if isinstance(each, Report))
    with pytest.raises(Refused):
        dataclasses.replace(value, caller=name)
    assert dataclasses.replace(value, caller="a" * 260).caller


def test_a_record_of_before_is_read_and_one_of_now_is_read_by_the_release_before(played):
    decide(played, transfer(1), ANA)
    (event,) = stored(played)
    fields = msgspec.msgpack.decode(event.payload)
    assert fields.pop() == ANA
    old = decode_record(msgspec.msgpack.encode(fields))
    assert (old.caller, old.derived) == (None, decode_record(event.payload).derived)
    *before, last = [(each.name, each.type) for each in msgspec.structs.fields(Record)]
    assert last[0] == "caller"
    reader = msgspec.defstruct("RecordOfBefore", before, array_like=True)
    read = msgspec.msgpack.decode(event.payload, type=reader)
    assert msgspec.structs.astuple(read) == msgspec.structs.astuple(old)[:-1]


def test_a_repeat_of_what_an_older_release_wrote_is_a_repeat(played):
    told = Told2(played)
    answer = warned(told)
    id_, at = answer.end_to_end_id, START + SECOND
    payer_id = transfer(1, payer=1).payer_id
    value = FollowUp(id_, Phase.INITIATION, payer_id, at, FollowUpKind.WARN_CONFIRMED)
    event = event_of(value, occurred_at=at, received_at=at, source="http")
    shorter = msgspec.msgpack.encode(msgspec.msgpack.decode(event.payload)[:-1])
    played.service.append(event._replace(payload=shorter), (), lambda _: None)
    settle(played)
    end = played.log.end()
    assert told.tell(answer, "warn_confirmed").seq == end - 1
    assert played.log.end() == end


def check_the_report_names_who_acted(played):
    answer = take_each_twice(played)
    id_ = answer.end_to_end_id
    reports, reviews = ReportService(played.service), ReviewService(played.service)
    asked = Asked(id_, ReviewSide.PAYER, reviewer="ana maria", result=ReviewResult.UPHELD)
    reviews.take(asked, supplied_received_at=START + 2 * HOUR, caller=BIA).result(60)
    reports.report(
        report_id=verdict_report_id(id_),
        status=ReportStatus.REJECTED,
        end_to_end_id=id_,
        supplied_received_at=START + 2 * HOUR,
        reviewer="carla",
        caller="key:carla",
    ).result(60)
    report = report_of(played, id_)
    assert report.caller is None, "nobody was asked for a key"
    assert [(each.name, each.caller) for each in report.events] == [
        ("warn_confirmed", ANA),
        ("settled", ANA),
    ]
    (review,) = report.reviews
    assert (review.request_caller, review.reviewer, review.answer_caller) == (
        ANA,
        "ana maria",
        BIA,
    )
    assert (report.verdict.status, report.verdict.caller) == ("REJECTED", "key:carla")
    page = report_html(report)
    for name in (ANA, BIA, "ana maria", "key:carla"):
        assert f"<td>{name}</td>" in page


def test_the_report_names_who_acted(played):
    check_the_report_names_who_acted(played)


def test_the_report_names_who_asked_for_the_decision(played):
    made = transfer(1)
    decide(played, made, ANA)
    report = report_of(played, made.end_to_end_id)
    assert (report.caller, report.verdict) == (ANA, None)
    assert f"<td>{ANA}</td>" in report_html(report)


@pytest.mark.parametrize("forgotten", [FollowUp, Report])
def test_sabotage_a_door_that_forgets_who_told_it_is_noticed(played, monkeypatch, forgotten):
    made = forgotten.__init__

    def without(self, *arguments, **facts):
        made(self, *arguments, **facts)
        object.__setattr__(self, "caller", None)

    monkeypatch.setattr(forgotten, "__init__", without)
    with pytest.raises(AssertionError):
        check_the_report_names_who_acted(played)

"""The report of a decision names every report of fraud about its transfer, and who sent it."""

from __future__ import annotations

import pytest

from crivo.domain.instant import HOUR, MINUTE, format_rfc3339
from crivo.domain.phase import Phase
from crivo.domain.report import Report
from crivo.flows import decision_report, report
from crivo.flows.event_of import event_of
from crivo.flows.settlement_phase import SettlementPhase
from crivo.flows.verdicts import verdict_report_id
from crivo.governance.decision_report import report_html, report_json
from tests.unit.decision.worlds import ACCEPTED, CLAIMED, START, transfer, world
from tests.unit.flows.test_review import report_of

ONE, OTHER = transfer(1), transfer(2, payer=3)


def reported(played, made, report_id, status, at, **facts):
    played.reports.report(
        report_id=report_id,
        status=status,
        end_to_end_id=made.end_to_end_id,
        supplied_received_at=START + at,
        **facts,
    ).result(60)


def imported(played, made, report_id, at):
    """A report as an import of another source appends it."""
    value = Report(
        report_id,
        ACCEPTED,
        made.end_to_end_id,
        made.payer_id,
        made.payee_id,
        made.amount_centavos,
        made.occurred_at,
    )
    event = event_of(value, occurred_at=at, received_at=START + at, source="branch")
    played.service.append(event, (), lambda _: None)


@pytest.fixture
def played(tmp_path):
    """Two transfers, of which one is reported by three and judged by a person."""
    with world(tmp_path) as made:
        for each in (ONE, OTHER):
            made.decide(each, received_at=START).result(60)
        settles = SettlementPhase(made.service)
        settles.decide(ONE, arrived_ns=0, supplied_received_at=START).result(60)
        reported(made, ONE, "r-1", CLAIMED, MINUTE, caller="key:ana")
        reported(made, OTHER, "r-2", CLAIMED, MINUTE)
        imported(made, ONE, "b-7", HOUR)
        verdict = verdict_report_id(ONE.end_to_end_id)
        reported(made, ONE, verdict, ACCEPTED, HOUR, reviewer="carla", caller="key:carla")
        reported(made, ONE, "r-3", ACCEPTED, 2 * HOUR, reviewer="rui", caller="oidc:bia")
        yield made


def check_the_report_names_each_report(played):
    for phase in Phase:
        found = report_of(played, ONE.end_to_end_id, phase=phase)
        assert [
            (each.report_id, each.status, each.source, each.reviewer, each.caller)
            for each in found.reports
        ] == [
            ("r-1", "CLAIMED", "http", None, "key:ana"),
            ("b-7", "ACCEPTED", "branch", None, None),
            ("r-3", "ACCEPTED", "http", "rui", "oidc:bia"),
        ]
        assert [each.known_at for each in found.reports] == [
            format_rfc3339(START + at) for at in (MINUTE, HOUR, 2 * HOUR)
        ]
    assert report_of(played, ONE.end_to_end_id).verdict.reviewer == "carla"
    (other,) = report_of(played, OTHER.end_to_end_id).reports
    assert other.report_id == "r-2"


def test_the_report_of_a_decision_names_each_report_under_its_senders_own_id(played):
    check_the_report_names_each_report(played)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_however_many_events_are_looked_through_at_a_time(played, monkeypatch, at_once):
    monkeypatch.setattr(report, "READ_EVENTS", at_once)
    check_the_report_names_each_report(played)


def test_the_page_and_the_document_show_them(played):
    found = report_of(played, ONE.end_to_end_id)
    page = report_html(found)
    for text in ("r-1", "b-7", "branch", "key:ana", "oidc:bia"):
        assert f"<td>{text}</td>" in page
    assert [each["report_id"] for each in report_json(found)["reports"]] == ["r-1", "b-7", "r-3"]


def test_a_decision_that_nobody_reported_has_none(tmp_path):
    with world(tmp_path) as played:
        played.decide(ONE, received_at=START).result(60)
        assert report_of(played, ONE.end_to_end_id).reports == ()


def late(log, id_, *, start):
    return report.reports_of(log, id_, start=start + 5)


def of_another(log, id_, *, start):
    return report.reports_of(log, OTHER.end_to_end_id, start=start)


@pytest.mark.parametrize("fault", [late, of_another])
def test_sabotage_a_report_that_is_passed_over_is_noticed(played, monkeypatch, fault):
    monkeypatch.setattr(decision_report, "reports_of", fault)
    with pytest.raises(AssertionError):
        check_the_report_names_each_report(played)

"""What becomes known later, and what campaigns do besides paying, as events."""

from __future__ import annotations

from collections import Counter

import numpy as np

from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.facts import FactKind
from tests.unit.simulator.event_worlds import cells, dense_world, gathered, missing


def scanners() -> set[bytes]:
    """Those who asked for keys by the dozen without paying."""
    asked, null = cells("dict_look_ups"), missing("dict_look_ups")
    idle = Counter(asked["payer_person"][null["end_to_end_id"]].tolist())
    return {person for person, count in idle.items() if count > 30}


def test_a_question_comes_before_its_transfer_and_some_before_none():
    asked, null = cells("dict_look_ups"), missing("dict_look_ups")
    calm = ~np.isin(asked["payer_person"], list(scanners()))
    idle, found = null["end_to_end_id"], asked["action"] == b"FOUND"
    assert 0.04 < idle[calm].mean() < 0.12
    assert 0.5 < found[idle & calm].mean() < 0.9
    assert found[~idle].all()
    assert np.array_equal(null["dict_account_opened_at"], ~found)


def test_who_scans_the_directory_finds_less_than_half():
    asked, facts = cells("dict_look_ups"), dense_world().plan.facts
    scans = facts[facts["kind"] == FactKind.KEYS_LOOKED_UP]
    assert len(scans) > 0
    theirs = np.isin(asked["payer_person"], list(scanners()))
    not_found = asked["action"][theirs] == b"NOT_FOUND"
    assert not_found.mean() > 0.5
    assert not_found.sum() >= scans["missing"].sum()
    assert theirs.sum() >= scans["count"].sum()


def test_a_campaign_of_requests_is_refused_and_forgotten_by_most():
    facts, asked = dense_world().plan.facts, cells("authorisations")
    campaigns = facts[facts["kind"] == FactKind.AUTHORISATIONS_ASKED]
    requested = asked["status"] == b"REQUESTED"
    assert requested.sum() >= campaigns["count"].sum() > 0
    granted = asked["status"] == b"AUTHORISED"
    assert 0 < granted.sum() < 0.5 * requested.sum()


def test_what_a_victim_is_made_to_ask_for_is_a_limit_event():
    facts, limits = dense_world().plan.facts, cells("limits")
    forced = facts[facts["kind"] == FactKind.LIMIT_ASKED]
    asked = set(zip(limits["occurred_at"].tolist(), limits["after_centavos"].tolist(), strict=True))
    wanted = zip(forced["occurred_at"].tolist(), forced["amount_centavos"].tolist(), strict=True)
    assert sum(each in asked for each in wanted) >= len(forced) // 2


def test_a_credential_set_anew_is_an_event_of_its_account():
    facts, logins = dense_world().plan.facts, cells("logins")
    told = facts[facts["kind"] == FactKind.CREDENTIAL_RESET]
    resets = logins["action"] == b"CREDENTIAL_RESET"
    assert set(told["occurred_at"].tolist()) <= set(logins["occurred_at"][resets].tolist())
    assert set(logins["method"][resets].tolist()) == {b"TOKEN"}


def test_an_authorisation_is_asked_for_before_it_ends():
    asked = cells("authorisations")
    seen: dict[bytes, list[tuple[int, bytes]]] = {}
    for name, at, status in zip(
        asked["authorisation_id"].tolist(),
        asked["occurred_at"].tolist(),
        asked["status"].tolist(),
        strict=True,
    ):
        seen.setdefault(name, []).append((at, status))
    assert seen
    for steps in seen.values():
        assert steps[0][1] == b"REQUESTED"
        assert len(steps) == 2
        assert steps[0][0] < steps[1][0]


def test_markers_are_made_when_reports_are_accepted():
    reports = cells("reports", Viewpoint.RAIL)
    markers = cells("dict_markers", Viewpoint.RAIL)
    accepted = reports["status"] == b"ACCEPTED"
    both = cells("dict_markers", Viewpoint.PAYEE_PSP)
    assert accepted.sum() <= len(both["marker_id"])
    assert len(both["marker_id"]) == (cells("reports")["status"] == b"ACCEPTED").sum()
    assert set(markers["fraud_type"].tolist()) <= {
        b"APPLICATION_FRAUD",
        b"MULE_ACCOUNT",
        b"SCAMMER_ACCOUNT",
        b"OTHER",
    }


def test_a_block_ends_within_72_hours_and_only_the_payees_institution_sees_it():
    blocks = cells("blocks", Viewpoint.PAYEE_PSP)
    assert "blocks" not in gathered(Viewpoint.PAYER_PSP)
    begun: dict[bytes, int] = {}
    for name, status, at, ends_by in zip(
        *(blocks[name].tolist() for name in ("block_id", "status", "occurred_at", "ends_by")),
        strict=True,
    ):
        if status == b"PLACED":
            begun[name] = at
        else:
            assert begun.pop(name) < at < ends_by
    assert begun == {}


def test_what_the_mechanism_returned_is_settled_as_a_fraud_return():
    refunds, settlements = cells("refunds"), cells("settlements")
    accepted = (cells("reports")["status"] == b"ACCEPTED").sum()
    closed = refunds["status"] == b"CLOSED"
    assert closed.sum() == (~closed).sum() == accepted
    fraud = settlements["return_reason"] == b"FR01"
    returned = dict(
        zip(
            settlements["end_to_end_id"][fraud].tolist(),
            settlements["returned_centavos"][fraud].tolist(),
            strict=True,
        )
    )
    refused = closed & (refunds["result"] == b"REJECTED")
    assert np.array_equal(refused, ~missing("refunds")["rejection"])
    assert (refunds["refunded_centavos"][refused] == 0).all()
    paid = closed & ~refused
    for each, centavos in zip(
        refunds["end_to_end_id"][paid].tolist(),
        refunds["refunded_centavos"][paid].tolist(),
        strict=True,
    ):
        assert returned[each] == centavos > 0

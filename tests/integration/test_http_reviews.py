"""Reviews over HTTP: asked for, answered, shown again after a restart; or refused with a reason."""

from __future__ import annotations

import time

import pytest

from crivo.bootstrap.proving import replay_home
from tests.e2e.homes import make_home, settings_of
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

ID = str(GOOD["end_to_end_id"])
PATH = "/v1/reviews"
ASKED = {"end_to_end_id": ID, "received_at": "2026-11-23T13:00:00Z"}
ANSWER = {**ASKED, "reviewer": "ana", "result": "CHANGED"}


def listed(caller):
    """The ids in the table of decisions, which may be a moment behind an answer."""
    deadline = time.monotonic() + 300
    while not (found := caller.get("/v1/decisions").json()["decisions"]):
        assert time.monotonic() < deadline, "the table of decisions stays empty"
        time.sleep(0.02)
    return [each["end_to_end_id"] for each in found]


def test_a_review_outlives_the_service_and_changes_no_decision(tmp_path):
    home = make_home(tmp_path / "home")
    with served(home) as caller:
        first = caller.post("/v1/decisions", json=GOOD)
        asked = caller.post(PATH, json=ASKED)
        assert asked.status_code == 200, asked.text
        assert caller.post(PATH, json=ASKED).json() == asked.json()
    with served(home) as caller:
        assert caller.get(f"{PATH}/{ID}").json() == asked.json()
        answered = caller.post(PATH, json=ANSWER).json()
        assert [each["status"] for each in answered["steps"]] == ["REQUESTED", "ANSWERED"]
        assert (answered["steps"][1]["reviewer"], answered["steps"][1]["result"]) == (
            "ana",
            "CHANGED",
        )
        # The answer as it was given, and behind it what followed.
        assert caller.get(f"/v1/decisions/{ID}").content.startswith(first.content[:-1])
        assert caller.post("/v1/decisions", json=GOOD).content == first.content
        assert listed(caller) == [ID]
    result = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (result.compared, result.differing) == (1, 0)


def test_each_phase_has_its_reviews(tmp_path):
    settlement = {**ASKED, "phase": "settlement"}
    with served(make_home(tmp_path / "home")) as caller:
        caller.post("/v1/decisions", json=GOOD)
        caller.post(PATH, json=ASKED)
        assert caller.post(PATH, json=settlement).status_code == 404
        decided = caller.post("/v1/decisions", json={**GOOD, "phase": "settlement"})
        assert decided.status_code == 200, decided.text
        assert caller.get(f"{PATH}/{ID}?phase=settlement").status_code == 404
        asked = caller.post(PATH, json=settlement)
        assert (asked.status_code, asked.json()["phase"]) == (200, "settlement")
        caller.post(PATH, json={**ANSWER, "phase": "settlement"})
        statuses = {
            phase: [each["status"] for each in caller.get(path).json()["steps"]]
            for phase, path in (
                ("initiation", f"{PATH}/{ID}"),
                ("settlement", f"{PATH}/{ID}?phase=settlement"),
            )
        }
        assert statuses == {"initiation": ["REQUESTED"], "settlement": ["REQUESTED", "ANSWERED"]}
        assert caller.get(f"{PATH}/{ID}?phase=later").status_code == 422


def test_a_transfer_that_was_decided_ahead_of_the_clock_may_be_reviewed_at_once(tmp_path):
    with served(make_home(tmp_path / "home")) as caller:
        ahead = {**GOOD, "received_at": "2026-11-23T11:59:01Z"}
        assert caller.post("/v1/decisions", json=ahead).status_code == 200
        for at, status in (("2026-11-23T11:58:59Z", 422), ("2026-11-23T11:59:02Z", 200)):
            asked = caller.post(PATH, json={**ASKED, "received_at": at})
            assert asked.status_code == status, asked.text


def test_what_is_no_review_is_refused(tmp_path):
    with served(make_home(tmp_path / "home")) as caller:
        caller.post("/v1/decisions", json=GOOD)
        unknown = "E12345678202611231200neverMade00"
        wrong = [
            ({"end_to_end_id": unknown}, 404, "NOT_FOUND", "end_to_end_id"),
            (ANSWER, 404, "NOT_FOUND", "end_to_end_id"),
            ({}, 422, "FIELD_MISSING", "end_to_end_id"),
            ({**ASKED, "side": "BANK"}, 422, "FIELD_VALUE", "side"),
            ({**ASKED, "text": "why?"}, 422, "FIELD_UNKNOWN", "text"),
            ({**ASKED, "reviewer": "ana"}, 422, "FIELD_MISSING", "result"),
            ({**ASKED, "received_at": "2026-11-23T11:00:00Z"}, 422, "TIME_RANGE", "received_at"),
            ({**ANSWER, "result": "MAYBE"}, 422, "FIELD_VALUE", "result"),
        ]
        for body, status, code, field in wrong:
            answer = caller.post(PATH, json=body)
            told = answer.json()
            assert (answer.status_code, told["code"], told["field"]) == (status, code, field), body
        caller.post(PATH, json=ASKED)
        caller.post(PATH, json=ANSWER)
        other = caller.post(PATH, json={**ANSWER, "result": "UPHELD"})
        assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")
        assert caller.post(PATH, content=b"{").status_code in {400, 415}
        for path, status in ((unknown, 404), ("E1", 422)):
            assert caller.get(f"{PATH}/{path}").status_code == status

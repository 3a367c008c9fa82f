"""Who acted over HTTP: each key's name stands beside what it sent, and the report shows it."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from crivo.adapters.http import app, batch
from crivo.adapters.http.access import Role
from crivo.adapters.http.key_file import LOOK_NS
from crivo.bootstrap.access import new_api_key
from crivo.bootstrap.home import open_log_reader
from crivo.bootstrap.service import build_service
from crivo.decision.record import decode_record
from crivo.flows.event_of import value_of
from crivo.flows.verdicts import Verdict, verdict_of, verdict_report_id
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import called
from tests.integration.commands import crivo
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

ID = str(GOOD["end_to_end_id"])
LATER = "2026-11-23T13:00:00Z"
SENT = (
    (Role.INGEST, "/v1/decisions", GOOD),
    (Role.INGEST, "/v1/decisions", {**GOOD, "phase": "settlement"}),
    (Role.INGEST, f"/v1/decisions/{ID}/events", {"event": "settled", "occurred_at": LATER}),
    (Role.INGEST, "/v1/reviews", {"end_to_end_id": ID, "received_at": LATER}),
    (
        Role.ANALYST,
        "/v1/reviews",
        {"end_to_end_id": ID, "received_at": LATER, "reviewer": "Ana Maria", "result": "UPHELD"},
    ),
    (Role.ANALYST, "/v1/reports", {"report_id": "r-1", "end_to_end_id": ID, "received_at": LATER}),
)


def test_the_report_names_the_key_of_each_step_and_repeats_change_nothing(tmp_path, capsys):
    home = make_home(tmp_path / "home")
    # As time goes by segments of the ledger come, too: none while this counts.
    with served(home, LEDGER__CLOSE_SECONDS="3600") as caller:
        keys = {role: new_api_key(settings_of(home), f"{role}-1", role) for role in Role}
        time.sleep(2 * LOOK_NS / 1e9)
        for key in (None, KEY, keys[Role.ADMIN]):
            for role, path, body in SENT:
                caller.headers = {"authorization": f"Bearer {key or keys[role]}"}
                answer = caller.post(path, json=body)
                assert answer.status_code == 200, (path, answer.text)
        many = caller.post("/v1/decisions:batch", json=[GOOD])
        assert many.json()[0]["status"] == 200
        end = caller.get("/v1/decisions").json()["as_of"]
        assert end <= len(SENT)
    for phase in ("initiation", "settlement"):
        said = crivo(capsys, "report", "decision", ID, "--home", home, "--phase", phase, "--json")
        assert said.code == 0, said.err
        report = json.loads(said.out)
        assert report["caller"] == "key:ingest-1"
        assert [(each["name"], each["caller"]) for each in report["events"]] == [
            ("settled", "key:ingest-1")
        ]
        if phase == "initiation":
            (review,) = report["reviews"]
            names = ("request_caller", "reviewer", "answer_caller")
            assert [review[name] for name in names] == [
                "key:ingest-1",
                "Ana Maria",
                "key:analyst-1",
            ]


def test_a_systems_key_gives_no_verdict_and_answers_no_review(tmp_path):
    home = make_home(tmp_path / "home")
    asked = {"end_to_end_id": ID, "received_at": LATER}
    answer = {**asked, "reviewer": "Chefe", "result": "UPHELD"}
    verdict = {**asked, "report_id": f"verdict/{ID}", "status": "REJECTED"}
    with served(home) as caller:
        keys = {role: new_api_key(settings_of(home), f"{role}-1", role) for role in Role}
        time.sleep(2 * LOOK_NS / 1e9)
        caller.headers = {"authorization": f"Bearer {keys[Role.INGEST]}"}
        for path, body in (("/v1/decisions", GOOD), ("/v1/reviews", asked)):
            assert caller.post(path, json=body).status_code == 200
        refused = caller.post("/v1/reviews", json=answer)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert refused.json()["expected"] == "one of the roles admin, analyst"
        refused = caller.post("/v1/reports", json=verdict)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert "give a verdict" in refused.json()["detail"]
        caller.headers = {"authorization": f"Bearer {keys[Role.ANALYST]}"}
        steps = caller.post("/v1/reviews", json=answer).json()["steps"]
        assert [each["status"] for each in steps] == ["REQUESTED", "ANSWERED"]
        assert (steps[1]["reviewer"], steps[1]["result"]) == ("Chefe", "UPHELD")


def test_an_analysts_verdict_over_http_is_the_event_that_the_page_makes(tmp_path):
    home = make_home(tmp_path / "home")
    verdict = {"end_to_end_id": ID, "report_id": f"verdict/{ID}", "received_at": LATER}
    with served(home) as caller:
        keys = {role: new_api_key(settings_of(home), f"{role}-1", role) for role in Role}
        time.sleep(2 * LOOK_NS / 1e9)
        caller.headers = {"authorization": f"Bearer {keys[Role.INGEST]}"}
        assert caller.post("/v1/decisions", json=GOOD).status_code == 200
        caller.headers = {"authorization": f"Bearer {keys[Role.ANALYST]}"}
        for changes, field in (
            ({}, "status"),
            ({"status": "CLAIMED"}, "status"),
            ({"status": "ACCEPTED", "report_id": f"verdict/{ID[:-1]}0"}, "report_id"),
        ):
            refused = caller.post("/v1/reports", json={**verdict, **changes})
            assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
        for role, status, expected in (
            (Role.ANALYST, "REJECTED", 200),
            (Role.ADMIN, "REJECTED", 200),
            (Role.ANALYST, "ACCEPTED", 409),
        ):
            caller.headers = {"authorization": f"Bearer {keys[role]}"}
            answer = caller.post("/v1/reports", json={**verdict, "status": status})
            assert answer.status_code == expected, answer.text
    reader = open_log_reader(home / "log.sqlite")
    found = verdict_of(reader, ID)
    reader.close()
    assert found is not None
    told = found[1]
    assert told.status is Verdict.LEGITIMATE.status
    assert (told.report_id, told.reviewer) == (verdict_report_id(ID), "key:analyst-1")
    assert told.caller == "key:analyst-1"


FRESH = itertools.count(1)


@pytest.fixture(scope="module")
def sender(tmp_path_factory):
    """A service, and a client of it that asks by the key `bank`."""
    service = build_service(settings_of(make_home(tmp_path_factory.mktemp("doors") / "home")))
    key = new_api_key(service.home.settings, "bank")
    time.sleep(2 * LOOK_NS / 1e9)
    with called(service) as client:
        client.headers = {"authorization": f"Bearer {key}"}
        yield service, client


def sent_by_batch(client, made):
    (answer,) = client.post("/v1/decisions:batch", json=[made]).json()
    return answer["status"]


def reported(client, made):
    sent_by_batch(client, made)
    id_ = made["end_to_end_id"]
    body = {"report_id": f"r-{id_[-7:]}", "end_to_end_id": id_, "received_at": LATER}
    return client.post("/v1/reports", json=body).status_code


def told(client, made):
    sent_by_batch(client, made)
    body = {"end_to_end_id": made["end_to_end_id"], "occurred_at": LATER, "status": "SETTLED"}
    body["received_at"] = LATER
    return client.post("/v1/events/settlement.v1", json=body).status_code


def listed(client, made):
    body = {"entry_id": made["end_to_end_id"], "occurred_at": LATER, "received_at": LATER}
    body |= {"entity": "PERSON", "entity_id": "rui", "kind": "WATCH", "side": "PAYER"}
    return client.post("/v1/events/list_entry.v1", json={**body, "action": "ADDED"}).status_code


DOORS = pytest.mark.parametrize(
    ("send", "where", "read"),
    [
        (sent_by_batch, batch, lambda event: decode_record(event.payload)),
        (reported, app, value_of),
        (told, app, value_of),
        (listed, app, value_of),
    ],
)


def check_the_door_keeps_whose_key_it_was(sender, send, read):
    service, client = sender
    made = {**GOOD, "end_to_end_id": f"E12345678202611231200door{next(FRESH):07d}"}
    assert send(client, made) == 200
    # A segment of the ledger may have been closed behind it.
    events = [each.event for each in service.decisions.log.read(start=0, limit=1_000)]
    kinds = {"decision.v1", "report.v1", "settlement.v1", "list_entry.v1"}
    newest = [each for each in events if each.schema in kinds][-1]
    assert read(newest).caller == "key:bank"


@DOORS
def test_each_door_keeps_whose_key_sent_what_is_new(sender, send, where, read):
    check_the_door_keeps_whose_key_it_was(sender, send, read)


@DOORS
def test_sabotage_a_door_that_forgets_whose_key_it_was_is_noticed(
    sender, monkeypatch, send, where, read
):
    monkeypatch.setattr(where, "caller_name", lambda _: None)
    with pytest.raises(AssertionError):
        check_the_door_keeps_whose_key_it_was(sender, send, read)

"""Events at the HTTP door: what is hostile is refused by its path."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import msgspec
import pytest

from crivo.adapters.http.answers import EventTaken
from crivo.bootstrap.service import build_service
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    home = make_home(tmp_path_factory.mktemp("events") / "home")
    caller = Caller(build_service(settings_of(home)))
    caller.start()
    caller.headers = {"authorization": f"Bearer {KEY}"}
    # The kernel may have to be compiled first, which takes minutes on a busy machine.
    deadline = time.monotonic() + 900
    while caller.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
    yield caller
    caller.stop()


PATH = "/v1/events/login.v1"


def kinds(document: dict) -> list[str]:
    """The kinds of events that the document has a path for."""
    paths = [path for path in document["paths"] if path.startswith("/v1/events/")]
    return [path.removeprefix("/v1/events/") for path in paths]


def test_the_example_of_the_document_is_taken_and_its_repeat_gets_the_same(client: Caller) -> None:
    operation = client.get("/openapi.json").json()["paths"][PATH]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    told = client.post(PATH, json=example)
    assert told.status_code == 200
    msgspec.json.decode(told.content, type=EventTaken)
    assert client.post(PATH, json=example).json() == told.json()
    answer = client.post(PATH, json={**example, "result": "SUCCEEDED"})
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_every_kind_of_the_document_is_known_and_no_other(client: Caller) -> None:
    document = client.get("/openapi.json").json()
    assert "/v1/events/{kind}" not in document["paths"]
    operations = [each["post"] for each in document["paths"].values() if "post" in each]
    ids = [each.get("operationId") for each in operations if "operationId" in each]
    assert len(set(ids)) == len(ids)
    for name in kinds(document):
        operation = document["paths"][f"/v1/events/{name}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{name}"}
        fields = document["components"]["schemas"][name]
        assert fields["required"] and set(fields["required"]) < set(fields["properties"])
        assert "parameters" not in operation and operation["summary"]
        answer = client.post(f"/v1/events/{name}", json={"hostile": 1})
        assert answer.json()["code"] in {"FIELD_MISSING", "FIELD_UNKNOWN", "NOT_FOUND"}, name
    for name in ("login", "login.v2", "transfer.v1", "report.v1", "decision.v1", "%00", "a" * 500):
        answer = client.post(f"/v1/events/{name}", json={})
        assert (answer.status_code, answer.json()["code"]) == (422, "SCHEMA_UNKNOWN")
        assert answer.json()["expected"].split(", ") == kinds(document), name


def test_a_hostile_event_is_refused_by_its_path(client: Caller) -> None:
    event = {"login_id": "h", "occurred_at": "2026-11-23T11:00:00Z", "account_id": "1"}
    whole = {**event, "action": "LOGIN", "method": "PIN", "result": "FAILED"}
    for body, status, code in (
        (event, 422, "FIELD_MISSING"),
        ([whole], 400, "BODY_MALFORMED"),
        ("login", 400, "BODY_MALFORMED"),
        ({**whole, "result": "GOSSIP"}, 422, "FIELD_VALUE"),
        ({**whole, "note": "hostile"}, 422, "FIELD_UNKNOWN"),
        ({**whole, "account_id": 7}, 422, "FIELD_TYPE"),
        ({**whole, "received_at": 7}, 422, "FIELD_TYPE"),
        ({**whole, "received_at": "now"}, 422, "TIME_INVALID"),
    ):
        answer = client.post(PATH, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    twice = json.dumps(whole).replace('"h"', '"h", "login_id": "i"')
    answer = client.post(PATH, content=twice, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "BODY_MALFORMED")

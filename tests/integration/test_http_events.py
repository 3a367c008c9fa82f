"""Events at the HTTP door: what is hostile is refused by its path."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import msgspec
import pytest

from crivo.adapters.http.answers import EventTaken
from crivo.adapters.http.bodies import EventBody
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


def test_the_example_of_the_document_is_taken_and_its_repeat_gets_the_same(client: Caller) -> None:
    document = client.get("/openapi.json").json()
    event = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]
    msgspec.convert(event["example"], EventBody)
    told = client.post("/v1/events", json=event["example"])
    assert told.status_code == 200
    msgspec.json.decode(told.content, type=EventTaken)
    assert client.post("/v1/events", json=event["example"]).json() == told.json()
    other = {**event["example"], "event": {**event["example"]["event"], "result": "SUCCEEDED"}}
    answer = client.post("/v1/events", json=other)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_a_hostile_event_is_refused_by_its_path(client: Caller) -> None:
    event = {"login_id": "h", "occurred_at": "2026-11-23T11:00:00Z", "account_id": "1"}
    whole = {**event, "action": "LOGIN", "method": "PIN", "result": "FAILED"}
    for body, code in (
        ({"schema": "login.v1"}, "FIELD_MISSING"),
        ({"schema": "login.v1", "event": [], "x": 1}, "FIELD_TYPE"),
        ({"schema": "login.v1", "event": whole, "x": 1}, "FIELD_UNKNOWN"),
        ({"schema": "login.v1", "event": {**whole, "result": "GOSSIP"}}, "FIELD_VALUE"),
        ({"schema": "login.v1", "event": {**whole, "note": "hostile"}}, "FIELD_UNKNOWN"),
        ({"schema": "report.v1", "event": whole}, "SCHEMA_UNKNOWN"),
    ):
        answer = client.post("/v1/events", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), body
    twice = json.dumps({"schema": "login.v1", "event": whole}).replace(
        '"h"', '"h", "login_id": "i"'
    )
    answer = client.post("/v1/events", content=twice, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "BODY_MALFORMED")

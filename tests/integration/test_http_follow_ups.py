"""Follow-ups at the HTTP door: taken, shown, refused by name, and never a fault."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from crivo.adapters.http.answers import DecisionFound, FollowUpTaken
from crivo.adapters.http.follow_up_body import FollowUpBody
from tests.e2e.homes import make_home
from tests.integration.calling import Caller
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD

AT = "2026-11-23T12:00:05Z"
_numbers = iter(range(10**6))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(make_home(tmp_path_factory.mktemp("follow") / "home")) as caller:
        yield caller


def decided(client: Caller) -> tuple[str, str]:
    """The id of a new decision, and its outcome."""
    id_ = f"E12345678202611231200foll{next(_numbers):07d}"
    answer = client.post("/v1/decisions", json={**GOOD, "end_to_end_id": id_})
    assert answer.status_code == 200, answer.text
    return id_, answer.json()["outcome"]


def tell(client: Caller, id_: str, **body: object) -> tuple[int, dict]:
    answer = client.post(f"/v1/decisions/{id_}/events", json={"occurred_at": AT, **body})
    return answer.status_code, answer.json()


def test_the_documents_example_is_taken_and_shown(client: Caller) -> None:
    document = client.get("/openapi.json").json()
    path = document["paths"]["/v1/decisions/{end_to_end_id}/events"]["post"]
    example = path["requestBody"]["content"]["application/json"]["example"]
    msgspec.convert(example, FollowUpBody)
    id_, outcome = decided(client)
    assert outcome == "ALLOW"
    status, taken = tell(client, id_, **example)
    assert status == 200, taken
    msgspec.convert(taken, FollowUpTaken)
    assert tell(client, id_, **example) == (200, taken)
    found = client.get(f"/v1/decisions/{id_}")
    shown = msgspec.json.decode(found.content, type=DecisionFound)
    assert shown.standing == "SETTLED"
    assert [(each.event, each.occurred_at) for each in shown.events] == [("settled", AT)]


def test_what_cannot_be_told_is_refused_by_name(client: Caller) -> None:
    id_, _ = decided(client)
    for body, status, code, field in (
        ({}, 422, "FIELD_MISSING", "event"),
        ({"event": "gossip"}, 422, "FIELD_VALUE", "event"),
        ({"event": "hold_end"}, 422, "FIELD_VALUE", "event"),
        ({"event": "hold_paid"}, 422, "FIELD_VALUE", "event"),
        ({"event": "settled", "phase": "later"}, 422, "FIELD_VALUE", "phase"),
        ({"event": "settled", "phase": "settlement"}, 404, "NOT_FOUND", "end_to_end_id"),
        ({"event": "rejected"}, 422, "FIELD_MISSING", "rejection"),
        ({"event": "rejected", "rejection": "XXXX"}, 422, "FIELD_VALUE", "rejection"),
        ({"event": "settled", "rejection": "FRAD"}, 422, "FIELD_VALUE", "rejection"),
        ({"event": "cancelled", "rejection": "FRAD"}, 422, "FIELD_VALUE", "rejection"),
        ({"event": "settled", "note": "x"}, 422, "FIELD_UNKNOWN", "note"),
        ({"event": "settled", "occurred_at": "now"}, 422, "TIME_INVALID", "occurred_at"),
        (
            {"event": "settled", "occurred_at": "2026-11-23T11:00:00Z"},
            422,
            "TIME_RANGE",
            "occurred_at",
        ),
        ({"event": "released"}, 409, "STEP_CONFLICT", "event"),
        ({"event": 7}, 422, "FIELD_TYPE", "event"),
    ):
        answer = tell(client, id_, **body)
        assert (answer[0], answer[1]["code"], answer[1]["field"]) == (status, code, field), body
    assert tell(client, "E1", event="settled")[1]["code"] == "ID_INVALID"
    assert tell(client, id_[:-1] + "z", event="settled")[0] == 404
    for raw in (b"", b"[]", b"{", b'{"event": "settled", "event": "settled", "occurred_at": "x"}'):
        answer = client.post(
            f"/v1/decisions/{id_}/events",
            content=raw,
            headers={"content-type": "application/json"},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "BODY_MALFORMED"), raw
    assert client.get(f"/v1/decisions/{id_}").json()["events"] == []


def test_a_settlement_told_at_the_other_door_is_the_same_event(client: Caller) -> None:
    id_, _ = decided(client)
    event = {"end_to_end_id": id_, "occurred_at": AT, "status": "SETTLED"}
    other = client.post("/v1/events/settlement.v1", json=event)
    assert other.status_code == 200, other.text
    status, taken = tell(client, id_, event="settled")
    assert (status, taken["event_id"]) == (200, other.json()["event_id"])
    later = tell(client, id_, event="settled", occurred_at="2026-11-23T12:00:06Z")
    assert (later[0], later[1]["code"]) == (409, "CONFLICT")

"""Both phases of a transfer over HTTP: two answers, each found, explained and followed up apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.homes import make_home
from tests.integration.calling import Caller
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD

LATER = "2026-11-23T12:01:00Z"
_numbers = iter(range(10**6))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    home = make_home(tmp_path_factory.mktemp("phases") / "home")
    # As time goes by segments of the ledger come, too: none between two decisions.
    with served(home, LEDGER__CLOSE_SECONDS="3600") as caller:
        yield caller


def body(**changes: object) -> dict[str, object]:
    id_ = f"E12345678202611231200phas{next(_numbers):07d}"
    return {**GOOD, "end_to_end_id": id_, **changes}


def decide(client: Caller, facts: dict[str, object]) -> tuple[int, dict]:
    answer = client.post("/v1/decisions", json=facts)
    return answer.status_code, answer.json()


def test_each_phase_has_its_answer_and_is_found_by_its_name(client: Caller) -> None:
    facts = body()
    id_ = facts["end_to_end_id"]
    settling = {**facts, "phase": "settlement", "occurred_at": LATER}
    _, first = decide(client, facts)
    assert decide(client, {**facts, "phase": "initiation"}) == (200, first)
    status, second = decide(client, settling)
    assert (status, second["phase"], second["as_of"]) == (200, "settlement", first["as_of"] + 1)
    assert decide(client, settling) == (200, second)
    for phase, answer in (("initiation", first), ("settlement", second)):
        found = client.get(f"/v1/decisions/{id_}?phase={phase}").json()
        told = client.get(f"/v1/decisions/{id_}?phase={phase}s").json()["detail"]
        assert "phase must be 'initiation' or 'settlement', found" in told
        assert {name: found[name] for name in answer} == answer
        explained = client.get(f"/v1/decisions/{id_}/explanation?phase={phase}").json()
        assert explained["as_of"] == answer["as_of"]
    told = {"event": "cancelled", "occurred_at": LATER, "phase": "settlement"}
    assert client.post(f"/v1/decisions/{id_}/events", json=told).status_code == 200
    assert client.get(f"/v1/decisions/{id_}").json()["events"] == []
    shown = client.get(f"/v1/decisions/{id_}?phase=settlement").json()
    assert [each["event"] for each in shown["events"]] == ["cancelled"]


def test_what_contradicts_the_other_phase_or_itself_is_a_conflict(client: Caller) -> None:
    facts = body()
    settling = {**facts, "phase": "settlement", "occurred_at": LATER}
    decide(client, facts)
    for changes, field in (
        ({"amount_centavos": 1}, "amount_centavos"),
        ({"payee_account_id": "another"}, "payee_account_id"),
    ):
        status, problem = decide(client, {**settling, **changes})
        assert (status, problem["code"], problem["field"]) == (409, "CONFLICT", field)
    decide(client, settling)
    status, problem = decide(client, {**settling, "occurred_at": "2026-11-23T12:01:01Z"})
    assert (status, problem["code"], problem["field"]) == (409, "CONFLICT", "occurred_at")


def test_a_phase_that_is_none_is_refused_everywhere(client: Caller) -> None:
    facts = body(phase="later")
    status, problem = decide(client, facts)
    assert (status, problem["code"], problem["field"]) == (422, "FIELD_VALUE", "phase")
    id_ = facts["end_to_end_id"]
    for path in (f"/v1/decisions/{id_}?phase=later", f"/v1/decisions/{id_}/explanation?phase=x"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["field"]) == (422, "phase")
    assert client.get(f"/v1/decisions/{id_}?fase=settlement").json()["code"] == "FIELD_UNKNOWN"
    told = {"event": "cancelled", "occurred_at": LATER}
    answer = client.post(f"/v1/decisions/{id_}/events?phase=settlement", json=told)
    assert (answer.status_code, answer.json()["code"]) == (422, "FIELD_UNKNOWN")
    batch = client.post("/v1/decisions:batch", json=[body(phase="settlement")])
    (only,) = batch.json()
    assert (only["status"], only["problem"]["field"]) == (422, "phase")

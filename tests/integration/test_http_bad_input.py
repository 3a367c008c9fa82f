"""What is refused over HTTP leaves the features' state, and the log, as they were, to the byte."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from crivo.bootstrap.service import Service, build_service
from crivo.domain.streams import Stream
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller
from tests.unit.adapters.http.bodies import GOOD, HOSTILE_DECISIONS, decision_body

Held = tuple[int, dict[str, bytes]]

#: Where the doors of this test write. The ledger's own streams grow by themselves.
WRITTEN = frozenset({Stream.DECISIONS, Stream.LOGINS, Stream.LIMITS, Stream.REPORTS})

LONG: str = "x" * 1_000_000
LOGIN = {
    "login_id": "bad",
    "occurred_at": "2026-11-23T11:00:00Z",
    "account_id": "payer",
    "action": "LOGIN",
    "method": "PIN",
    "result": "FAILED",
}
LIMIT = {
    "change_id": "bad",
    "occurred_at": "2026-11-23T11:00:00Z",
    "effective_at": "2026-11-23T11:00:00Z",
    "account_id": "payer",
    "kind": "DAY",
    "after_centavos": 200_000,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return build_service(settings_of(make_home(tmp_path_factory.mktemp("bad") / "home")))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Caller]:
    """A running service whose state holds a transfer and a login of the payer of all bad bodies."""
    caller = Caller(service)
    caller.start()
    caller.headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    # The kernel may have to be compiled first.
    deadline = time.monotonic() + 900
    while caller.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
    assert caller.post("/v1/decisions", json=GOOD).status_code == 200
    assert caller.post("/v1/events/login.v1", json={**LOGIN, "login_id": "l"}).status_code == 200
    yield caller
    caller.stop()


@pytest.mark.parametrize("path", ["/v1/decisions/", "/v1/model/", "/openapi.json/"])
def test_a_path_with_a_stroke_too_many_is_no_path_and_leads_nowhere(
    client: Caller, path: str
) -> None:
    for ask in (client.get, client.post):
        answer = ask(path, headers={**client.headers, "host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"", "text/plain", 201, None),
        (b"{}", "application/json", 201, None),
        (b'{"reviewer": "boss", "x": 1}', "application/json", 422, "FIELD_UNKNOWN"),
        (b"{{{", "application/json", 400, "BODY_MALFORMED"),
        (b"[]", "application/json", 400, "BODY_MALFORMED"),
        (b"{}", "text/plain", 415, "CONTENT_TYPE"),
        (b"x" * 200_000, "text/plain", 413, "BODY_TOO_LARGE"),
    ],
)
def test_a_link_to_the_page_is_asked_for_without_a_word(
    client: Caller, body: bytes, media: str, status: int, code: str | None
) -> None:
    answer = client.post(
        "/v1/page-links", content=body, headers={**client.headers, "content-type": media}
    )
    assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.parametrize(
    ("path", "document", "code"),
    [
        ("/predict", [], "FIELD_VALUE"),
        ("/predict", [{}] * 257, "FIELD_VALUE"),
        ("/predict", "x" * 4_200_000, "BODY_TOO_LARGE"),
        ("/v1/decisions:batch", [], "FIELD_VALUE"),
        ("/v1/decisions:batch", {}, "BODY_MALFORMED"),
        ("/v1/decisions?limit=5000", None, "FIELD_VALUE"),
        ("/v1/decisions?cursor=zzz", None, "FIELD_VALUE"),
        ("/v1/decisions", {**GOOD, "payer_account_id": "x" * 129}, "FIELD_VALUE"),
    ],
)
def test_a_hint_asks_for_nothing_else_than_what_is_expected(
    client: Caller, path: str, document: object, code: str
) -> None:
    answer = client.get(path) if document is None else client.post(path, json=document)
    problem = answer.json()
    assert problem["code"] == code, problem
    assert "`expected` says" in problem["hint"]
    assert problem["expected"]
    wrong = ("upper case", "one transfer", "JSON object")
    assert not [words for words in wrong if words in problem["hint"]]


def held(service: Service) -> Held:
    """How many events are in the log, and the whole state of the features."""
    decisions = service.decisions
    arrays = decisions.replica.engine.arrays()
    events = len(decisions.log.read(start=0, limit=10_000, streams=WRITTEN))
    return events, {name: array.tobytes() for name, array in arrays.items()}


def _transfer(**changes: object) -> tuple[str, bytes]:
    return "/v1/decisions", decision_body(**changes)


def _told(kind: str, whole: dict[str, object], **changes: object) -> tuple[str, bytes]:
    return f"/v1/events/{kind}", json.dumps({**whole, **changes}).encode()


#: The issue's list at each door that folds: what is sent, and the code of its refusal.
BAD: dict[str, tuple[tuple[str, bytes], str]] = {
    "a transfer of 1970": (_transfer(occurred_at="1970-01-01T00:00:00Z"), "TIME_RANGE"),
    "a transfer of 2200": (_transfer(occurred_at="2200-01-01T00:00:00Z"), "TIME_RANGE"),
    "a receipt of 2200": (_transfer(received_at="2200-01-01T00:00:00Z"), "TIME_RANGE"),
    "a transfer from an account to itself": (
        _transfer(
            end_to_end_id="E12345678202611231200itself00001",
            payee_account_id=GOOD["payer_account_id"],
            payer_ispb="12345678",
        ),
        "PAYEE_IS_PAYER",
    ),
    "a payer's id of a megabyte": (_transfer(payer_account_id=LONG), "BODY_TOO_LARGE"),
    "a login with an unknown field": (_told("login.v1", LOGIN, hostile=1), "FIELD_UNKNOWN"),
    "a login of a number": (_told("login.v1", LOGIN, account_id=7), "FIELD_TYPE"),
    "a login of 1970": (
        _told("login.v1", LOGIN, occurred_at="1970-01-01T00:00:00Z"),
        "TIME_RANGE",
    ),
    "a login of 2200": (
        _told("login.v1", LOGIN, occurred_at="2200-01-01T00:00:00Z"),
        "TIME_RANGE",
    ),
    "a limit below nothing": (_told("limit_change.v1", LIMIT, after_centavos=-1), "AMOUNT_RANGE"),
    "a limit that is no number": (
        (
            "/v1/events/limit_change.v1",
            json.dumps({**LIMIT, "after_centavos": float("nan")}).encode(),
        ),
        "BODY_MALFORMED",
    ),
    "a login's id of a megabyte": (_told("login.v1", LOGIN, account_id=LONG), "BODY_TOO_LARGE"),
    "a login of an id that cannot be shown": (
        _told("login.v1", LOGIN, login_id="\x00"),
        "FIELD_VALUE",
    ),
    "a login of an account that cannot be shown": (
        _told("login.v1", LOGIN, account_id="1\u202e2"),
        "ID_INVALID",
    ),
    "a login from a device that cannot be shown": (
        _told("login.v1", LOGIN, device_id="phone\n1"),
        "ID_INVALID",
    ),
    "a report of an id that cannot be shown": (
        (
            "/v1/reports",
            json.dumps({"report_id": "\x00", "end_to_end_id": GOOD["end_to_end_id"]}).encode(),
        ),
        "FIELD_VALUE",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_DECISIONS)
def test_a_hostile_transfer_changes_nothing(service: Service, client: Caller, name: str) -> None:
    raw, code, field = HOSTILE_DECISIONS[name]
    before = held(service)
    answer = client.post("/v1/decisions", content=raw)
    problem = answer.json()
    assert (problem["code"], problem["field"]) == (code, field)
    assert held(service) == before


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_its_name_and_changes_nothing(
    service: Service, client: Caller, name: str
) -> None:
    (path, raw), code = BAD[name]
    before = held(service)
    answer = client.post(path, content=raw)
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"] == code
    assert held(service) == before


def test_sabotage_what_is_taken_is_seen_in_all_that_is_compared(
    service: Service, client: Caller
) -> None:
    before = held(service)
    good = decision_body(end_to_end_id="E12345678202611231200sabotage001")
    assert client.post("/v1/decisions", content=good).status_code == 200
    after = held(service)
    assert after[0] == before[0] + 1
    assert after[1]["control"] != before[1]["control"]
    assert after[1]["arena"] != before[1]["arena"]

"""The composed service over a real socket: what a caller sees, whatever it sends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from crivo.model.artifact import ArtifactKind
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, patient_policy
from tests.e2e.serving import Served, serving
from tests.unit.adapters.http.bodies import GOOD, HOSTILE_DECISIONS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(
        make_home(tmp_path_factory.mktemp("served") / "home"),
        POLICY=str(patient_policy(tmp_path_factory.mktemp("policy") / "policy")),
        HTTP__BODY_SECONDS_MAX="1",
        HTTP__DECISION_BYTES_MAX="16384",
    ) as running:
        yield running
        # Whatever the tests of this module sent, none of it was a fault.
        with running.client() as client:
            assert "crivo_faults_total{" not in client.get("/metrics").text
        assert "Traceback" not in running.said.read_text()


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as made:
        yield made


_numbers = iter(range(10**6))


def transfer(**changes: object) -> dict[str, object]:
    """A whole body under an id of its own."""
    number = next(_numbers)
    return {**GOOD, "end_to_end_id": f"E12345678202611231200test{number:07d}", **changes}


def test_a_service_says_when_it_listens_and_when_it_takes_transfers(served: Served) -> None:
    listens, ready = f"Crivo listens on {served.address};", f"Ready: {served.address}"
    deadline = time.monotonic() + 300
    while ready not in (said := served.said.read_text()):
        assert time.monotonic() < deadline, said
        time.sleep(0.02)
    assert said.index(listens) < said.index(ready)


def test_a_transfer_gets_an_answer_with_everything_that_decided(client: httpx.Client) -> None:
    body = transfer(amount_centavos=RISKY_CENTAVOS + 1)
    response = client.post("/v1/decisions", json=body)
    assert response.status_code == 200
    answer = response.json()
    assert answer["end_to_end_id"] == body["end_to_end_id"]
    assert answer["outcome"] == "STEP_UP"
    assert 400_000_000 < answer["score"] < 600_000_000
    assert {"code", "text_pt", "text_en"} == set(answer["reasons"][0])
    assert all(len(value) == 64 for value in answer["versions"].values())
    assert set(answer["versions"]) == {"bundle", "features", "plan", "model", "rules", "policy"}
    assert answer["degraded"] == []


def test_a_repeat_gets_the_same_bytes_and_other_facts_a_conflict(client: httpx.Client) -> None:
    body = transfer()
    first, again = (client.post("/v1/decisions", json=body) for _ in range(2))
    assert first.content == again.content
    other = client.post("/v1/decisions", json={**body, "amount_centavos": 99})
    assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")
    found = client.get(f"/v1/decisions/{body['end_to_end_id']}")
    beside = {"events": [], "lists": [], "sums": found.json()["sums"]}
    assert found.json() == {**first.json(), "standing": "CLEAR", **beside}


def test_a_decision_that_was_never_made_is_not_found(client: httpx.Client) -> None:
    response = client.get("/v1/decisions/E12345678202611231200neverMade00")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    assert client.get("/v1/decisions/nonsense").json()["code"] == "ID_INVALID"


def test_a_report_is_known_from_its_receipt_and_its_repeat_is_the_same(
    client: httpx.Client,
) -> None:
    body = transfer()
    client.post("/v1/decisions", json=body)
    claim = {
        "report_id": f"report-{body['end_to_end_id']}",
        "end_to_end_id": body["end_to_end_id"],
        "status": "ACCEPTED",
        "received_at": "2026-11-23T13:00:00Z",
    }
    first, again = (client.post("/v1/reports", json=claim) for _ in range(2))
    assert first.json() == again.json()
    assert first.json()["known_at"] == "2026-11-23T13:00:00Z"
    other = client.post("/v1/reports", json={**claim, "status": "REJECTED"})
    assert other.json()["code"] == "CONFLICT"


@pytest.mark.parametrize("name", HOSTILE_DECISIONS)
def test_a_hostile_body_gets_a_problem_document(client: httpx.Client, name: str) -> None:
    raw, code, field = HOSTILE_DECISIONS[name]
    headers = {"content-type": "application/json"}
    response = client.post("/v1/decisions", content=raw, headers=headers)
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == problem["status"]
    assert 400 <= response.status_code < 500
    assert (problem["code"], problem["field"]) == (code, field)
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("path", ["/v1/decisions", "/predict", "/v1/reports"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({}, 415),
        ({"content-type": "application/json", "authorization": "Bearer wrong"}, 401),
    ],
    ids=["text", "untyped", "wrong key"],
)
def test_a_body_of_another_kind_or_caller_is_refused(
    client: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    response = client.post(path, content=b"{}", headers=headers)
    assert response.status_code == response.json()["status"] == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("path", "right"),
    [("/v1/decisions", {"GET", "POST"}), ("/predict", {"POST"}), ("/v1/reports", {"POST"})],
)
def test_another_method_is_refused_and_told_which_is_right(
    client: httpx.Client, path: str, right: set[str], method: str
) -> None:
    response = client.request(method, path)
    if method in right:
        assert response.status_code == 200
    else:
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == right
        assert response.json()["code"] == "METHOD_NOT_ALLOWED"


def test_a_transfers_model_scores_vectors_too(client: httpx.Client) -> None:
    card = client.get("/v1/model").json()
    row = {entry["name"]: None for entry in card["signature"]}
    row["transfer_amount_value_now"] = RISKY_CENTAVOS + 1
    one = client.post("/predict", json=row).json()
    many = client.post("/predict", json=[row, row]).json()
    assert one["model"] == many["model"] == card["hash"]
    assert many["scores"] == [one["score"]] * 2


def _raw(served: Served, *parts: bytes, wait: float = 0.0) -> bytes:
    """What the socket answers to these bytes, sent with pauses in between."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=300) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(wait)
            while chunk := connection.recv(65_536):
                answer += chunk
                if b"\r\n\r\n" in answer and b"}" in answer:
                    break
        except ConnectionError:
            # Sending went on after the answer: the answer is what counts.
            pass
        return answer


def _head(*lines: str) -> bytes:
    head = [
        "POST /v1/decisions HTTP/1.1",
        "host: x",
        f"authorization: Bearer {KEY}",
        "content-type: application/json",
        *lines,
        "",
        "",
    ]
    return "\r\n".join(head).encode()


def test_a_body_that_claims_to_be_large_is_refused_unread(served: Served) -> None:
    answer = _raw(served, _head("content-length: 99999999"))
    assert b" 413 " in answer.split(b"\r\n", 1)[0]


def test_a_body_that_is_too_large_is_answered_and_not_reset(served: Served) -> None:
    size = 4 * 1024 * 1024
    with socket.create_connection(("127.0.0.1", served.port), timeout=300) as connection:
        connection.sendall(_head(f"content-length: {size}") + b" " * size)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    assert b" 413 " in answer.split(b"\r\n", 1)[0]
    assert answer.endswith(b"}")


def test_a_chunked_body_is_read_up_to_the_limit_and_no_further(served: Served) -> None:
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    answer = _raw(served, _head("transfer-encoding: chunked"), *[chunk] * 6, wait=0.02)
    assert b" 413 " in answer.split(b"\r\n", 1)[0]
    assert b"BODY_TOO_LARGE" in answer


def test_a_chunked_body_within_the_limit_is_decided(served: Served) -> None:
    raw = json.dumps(transfer()).encode()
    parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (raw[:50], raw[50:])]
    answer = _raw(served, _head("transfer-encoding: chunked"), *parts, b"0\r\n\r\n", wait=0.02)
    assert b" 200 " in answer.split(b"\r\n", 1)[0]


def test_a_body_that_never_ends_is_given_up(served: Served) -> None:
    answer = _raw(served, _head("content-length: 100"), b"{")
    assert b" 408 " in answer.split(b"\r\n", 1)[0]
    assert b"BODY_TOO_SLOW" in answer
    assert b'"found":"1 bytes"' in answer


def test_a_caller_that_hangs_up_harms_nobody(served: Served, client: httpx.Client) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            connection.sendall(_head("content-length: 100") + b"{")
    assert client.post("/v1/decisions", json=transfer()).status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/decisions HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/decisions HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
    ],
    ids=["binary", "version", "negative length", "two lengths"],
)
def test_what_is_no_http_is_refused_by_the_server(
    served: Served, client: httpx.Client, head: bytes
) -> None:
    answer = _raw(served, head)
    assert b" 500 " not in answer.split(b"\r\n", 1)[0]
    assert client.get("/health/live").status_code == 200


def test_a_flood_of_headers_harms_nobody(served: Served, client: httpx.Client) -> None:
    flood = [f"x-{number}: {'y' * 100}" for number in range(5_000)]
    answer = _raw(served, _head("content-length: 2", *flood) + b"{}")
    assert b" 500 " not in answer.split(b"\r\n", 1)[0]
    assert client.get("/health/live").status_code == 200


def test_a_rows_model_predicts_and_decides_nothing(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", kind=ArtifactKind.ROWS)
    with serving(home) as running, running.client() as client:
        answer = client.post("/predict", json={"a": 1.5, "b": None})
        assert answer.status_code == 200
        assert answer.json()["score"] > 400_000_000
        missing = client.post("/predict", json=[{"a": 1, "b": 2}, {"a": 1}]).json()
        assert (missing["code"], missing["field"]) == ("FIELD_MISSING", "rows[1].b")
        refused = client.post("/v1/decisions", json=transfer())
        assert refused.status_code == 409
        assert refused.json()["code"] == "MODEL_NOT_FOR_TRANSFERS"


def test_a_second_server_of_one_home_is_refused_and_a_stop_is_orderly(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with serving(home) as running:
        with running.client() as client:
            body = transfer()
            first = client.post("/v1/decisions", json=body)
        with pytest.raises(AssertionError, match="LOG_LOCKED"), serving(home):
            pass
        assert running.stop() == 0
    with serving(home) as again, again.client() as client:
        assert client.post("/v1/decisions", json=body).content == first.content


def test_a_service_that_stops_answers_every_request_that_it_was_sent(tmp_path: Path) -> None:
    failures: list[str] = []
    answered = []

    def send(port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=300)
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        # On a connection that is open and was not told to be closed, each request has its answer.
        is_new = True
        while True:
            try:
                connection.request("POST", "/v1/decisions", json.dumps(transfer()), headers)
                answer = connection.getresponse()
                answer.read()
            except OSError as error:
                # Who only knocks may find nobody: then nothing was sent.
                if not is_new:
                    failures.append(repr(error))
                return
            answered.append(answer.status)
            is_new = answer.will_close

    with serving(make_home(tmp_path / "home")) as running:
        senders = [threading.Thread(target=send, args=(running.port,)) for _ in range(8)]
        for sender in senders:
            sender.start()
        until = time.monotonic() + 300
        while len(answered) <= 100:
            assert time.monotonic() < until, failures
            time.sleep(0.01)
        assert running.stop() == 0
        for sender in senders:
            sender.join(300)
    assert failures == []
    assert set(answered) == {200}

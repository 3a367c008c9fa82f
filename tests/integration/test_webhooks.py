"""Webhooks against real receivers: what is told to whom, how often, and how it is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from crivo.bootstrap.service import build_service
from crivo.domain.errors import Code, Misconfigured
from crivo.flows.webhook_message import MessageKind
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.calling import Caller, called
from tests.integration.receivers import (
    SECRET,
    Got,
    Receiver,
    eventually,
    holding_policy,
    subscribe,
)
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

EVERYTHING = [each.value for each in MessageKind]
_numbers = iter(range(10**6))

#: All that a message may say: never who, to whom, how much.
SAID = {
    "seq", "end_to_end_id", "phase", "outcome", "reasons", "degraded", "hold", "cause", "side",
    "result", "report_id",
}  # fmt: skip


def transfer(**changes: object) -> dict[str, object]:
    id_ = f"E12345678202611231200webh{next(_numbers):07d}"
    return {**GOOD, "end_to_end_id": id_, **changes}


def held() -> dict[str, object]:
    return transfer(amount_centavos=RISKY_CENTAVOS + 1)


def rejected() -> dict[str, object]:
    return transfer(purpose="GSCB", amount_centavos=300_001)


@contextmanager
def served(tmp_path: Path, file: Path, **changes: str) -> Iterator[Caller]:
    """A service with these subscriptions, over the same home each time."""
    home = tmp_path / "home"
    if not home.exists():
        make_home(home)
        holding_policy(tmp_path)
    quick = {"WEBHOOKS__RETRY_SECONDS": "0.05", "WEBHOOKS__RETRY_SECONDS_MAX": "0.1"}
    wanted = {**quick, "POLICY": str(tmp_path / "policy"), "WEBHOOKS__FILE": str(file), **changes}
    with called(build_service(settings_of(home, **wanted))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        yield caller


def decide(caller: Caller, body: dict[str, object]) -> dict:
    answer = caller.post("/v1/decisions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def deliveries(caller: Caller, **query: str) -> list[dict]:
    query = {"subscription": "cases", **query}
    answer = caller.get("/v1/webhooks/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["deliveries"]


def verify(got: Got, secret: str = SECRET) -> bool:
    """As a receiver verifies: written down here once more, from the specification."""
    signed = f"{got.id}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = base64.b64decode(secret)
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in got.headers["webhook-signature"].split(" ")


def test_holds_rejections_ends_reviews_and_reports_are_told_and_nothing_else(tmp_path) -> None:
    with Receiver() as receiver:
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": EVERYTHING})
        with served(tmp_path, file) as caller:
            allowed, held_, other, rejected_ = transfer(), held(), held(), rejected()
            outcomes = [
                decide(caller, body)["outcome"] for body in (allowed, held_, other, rejected_)
            ]
            assert outcomes == ["ALLOW", "HOLD", "HOLD", "REJECT"]
            for body, event in ((held_, "released"), (other, "cancelled"), (allowed, "cancelled")):
                told = {"event": event, "occurred_at": body["occurred_at"]}
                path = f"/v1/decisions/{body['end_to_end_id']}/events"
                assert caller.post(path, json=told).status_code == 200
            of = {"end_to_end_id": held_["end_to_end_id"]}
            assert caller.post("/v1/reviews", json=of).status_code == 200
            answered = {**of, "reviewer": "ana", "result": "CHANGED"}
            assert caller.post("/v1/reviews", json=answered).status_code == 200
            claim = {**of, "report_id": "report-1", "status": "CLAIMED"}
            assert caller.post("/v1/reports", json=claim).status_code == 200
            got = receiver.until(8)
            time.sleep(0.3)
            assert len(receiver.got) == 8, "a message came twice, or one too many"
    told = [each.told for each in got]
    assert [each["type"] for each in told] == [
        "decision.held", "decision.held", "decision.rejected", "hold.ended", "hold.ended",
        "review.requested", "review.answered", "report.claimed",
    ]  # fmt: skip
    data = [each["data"] for each in told]
    assert data[0]["end_to_end_id"] == held_["end_to_end_id"]
    assert data[0]["hold"] == {"until": "2026-11-23T12:30:00Z", "ends_as": "REJECT"}
    assert data[2]["outcome"] == "REJECT" and "LIMIT" in " ".join(data[2]["reasons"])
    assert [(each["cause"], each["outcome"]) for each in data[3:5]] == [
        ("RELEASED", "ALLOW"),
        ("CANCELLED", None),
    ]
    assert data[6]["result"] == "CHANGED"
    assert [each["seq"] for each in data] == sorted({each["seq"] for each in data})
    for each in got:
        assert verify(each) and not verify(each, base64.b64encode(bytes(32)).decode())
        assert abs(int(each.headers["webhook-timestamp"]) - time.time()) < 120
        assert each.headers["user-agent"].startswith("crivo/")
        assert each.told["data"].keys() <= SAID
        assert str(RISKY_CENTAVOS + 1) not in each.body.decode()


def test_a_hold_whose_time_is_over_is_told(tmp_path) -> None:
    with Receiver() as receiver:
        kinds = ["hold.ended"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file) as caller:
            body = held()
            decide(caller, body)
            later = "2026-11-23T13:00:00Z"
            decide(caller, transfer(occurred_at=later, received_at=later))
            (got,) = receiver.until(1)
    data = got.told["data"]
    assert (data["cause"], data["outcome"]) == ("TIME_OVER", "REJECT")
    assert data["end_to_end_id"] == body["end_to_end_id"]


def test_what_failed_is_sent_again_under_the_same_id_until_it_is_taken(tmp_path) -> None:
    with Receiver(status=500) as receiver:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file) as caller:
            decide(caller, held())
            first = receiver.until(3)
            (waiting,) = deliveries(caller, state="WAITING")
            assert (waiting["status"], waiting["failure"]) == (500, "STATUS")
            receiver.status = 200
            eventually(lambda: deliveries(caller, state="DELIVERED") != [])
            (done,) = deliveries(caller)
            assert done["attempts"] == len(receiver.got)
            assert done["ended_at"] is not None and done["due_at"] is None
            text = caller.get("/metrics").text
            assert (
                'crivo_webhook_attempts_total{result="delivered",subscription="cases"} 1.0' in text
            )
            assert 'result="failed",subscription="cases"' in text
    assert len({(each.id, each.body) for each in receiver.got}) == 1
    assert all(map(verify, first))


def test_what_is_refused_too_often_is_dead_until_somebody_has_it_sent_again(tmp_path) -> None:
    with Receiver(status=404) as receiver:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file, WEBHOOKS__ATTEMPTS_MAX="2") as caller:
            decide(caller, held())
            eventually(lambda: deliveries(caller, state="DEAD") != [])
            (dead,) = deliveries(caller, state="DEAD")
            assert (dead["attempts"], dead["status"]) == (2, 404)
            time.sleep(0.4)
            assert len(receiver.got) == 2, "a dead delivery was sent again by itself"
            receiver.status = 200
            asked = {"subscription": "cases", "webhook_id": dead["webhook_id"]}
            again = caller.post("/v1/webhooks/resend", json=asked)
            assert again.json() == {"subscription": "cases", "resent": 1}
            eventually(lambda: deliveries(caller, state="DELIVERED") != [])
            assert caller.post("/v1/webhooks/resend", json=asked).json()["resent"] == 0
    assert len({each.id for each in receiver.got}) == 1 and len(receiver.got) == 3


def test_redirects_are_failures_and_are_not_followed(tmp_path) -> None:
    with Receiver() as elsewhere, Receiver(status=307, headers={"location": elsewhere.url}) as one:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": one.url, "kinds": kinds})
        with served(tmp_path, file, WEBHOOKS__ATTEMPTS_MAX="1") as caller:
            decide(caller, held())
            eventually(lambda: deliveries(caller, state="DEAD") != [])
            assert deliveries(caller)[0]["status"] == 307
    assert elsewhere.got == []


def test_a_receiver_that_hangs_delays_neither_another_nor_a_decision(tmp_path) -> None:
    hung = threading.Event()
    with Receiver(wait=hung.wait) as slow, Receiver() as quick:
        kinds = ["decision.held"]
        file = subscribe(
            tmp_path,
            {"name": "slow", "url": slow.url, "kinds": kinds},
            {"name": "quick", "url": quick.url, "kinds": kinds},
        )
        with served(tmp_path, file) as caller:
            for _ in range(20):
                started = time.monotonic()
                decide(caller, held())
                assert time.monotonic() - started < 5
            quick.until(20)
            assert len(slow.got) == 1, "there is one request at a time"
            hung.set()
            slow.until(20)
    assert [each.id for each in quick.got] == [each.id for each in slow.got]


def test_a_receiver_that_is_slower_than_the_time_it_has_is_asked_again(tmp_path) -> None:
    hung = threading.Event()
    with Receiver(wait=hung.wait) as receiver:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file, WEBHOOKS__TIMEOUT_SECONDS="0.3") as caller:
            decide(caller, held())
            receiver.until(2)
            assert deliveries(caller)[0]["failure"] == "TIMEOUT"
            hung.set()
            eventually(lambda: deliveries(caller, state="DELIVERED") != [])


def test_an_authority_of_the_bank_is_trusted_where_the_subscription_names_it(tmp_path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with Receiver().under(context) as receiver:
        usual = {"url": receiver.url, "kinds": ["decision.held"]}
        file = subscribe(
            tmp_path,
            {"name": "cases", **usual, "authority": "authority.pem"},
            {"name": "stranger", **usual},
        )
        with served(tmp_path, file) as caller:
            decide(caller, held())
            eventually(lambda: deliveries(caller, state="DELIVERED") != [])
            eventually(lambda: deliveries(caller, subscription="stranger")[0]["attempts"] > 0)
            assert deliveries(caller, subscription="stranger")[0]["failure"] == "TLS"
    assert len(receiver.got) == 1 and verify(receiver.got[0])


def test_a_name_that_leads_into_a_network_that_is_not_named_is_not_called(tmp_path) -> None:
    with Receiver() as receiver:
        url = receiver.url.replace("http://127.0.0.1", "https://localhost")
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": url, "kinds": kinds, "networks": []})
        with served(tmp_path, file, WEBHOOKS__ATTEMPTS_MAX="1") as caller:
            decide(caller, held())
            eventually(lambda: deliveries(caller, state="DEAD") != [])
            assert deliveries(caller)[0]["failure"] == "ADDRESS"
    assert receiver.got == []


def test_a_receiver_that_comes_back_gets_what_it_missed_also_after_a_start(tmp_path) -> None:
    receiver = Receiver()
    kinds = ["decision.held"]
    file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
    receiver.server.server_close()
    with served(tmp_path, file) as caller:
        decide(caller, held())
        eventually(lambda: deliveries(caller) != [] and deliveries(caller)[0]["attempts"] > 1)
        (waiting,) = deliveries(caller)
        assert waiting["failure"] == "UNREACHABLE"
    with Receiver() as back:
        file = subscribe(tmp_path, {"name": "cases", "url": back.url, "kinds": kinds})
        with served(tmp_path, file) as caller:
            (got,) = back.until(1)
            assert got.id == waiting["webhook_id"]
            # What was in the log when nobody was subscribed is past, and told to nobody.
            assert len(deliveries(caller)) == 1


def test_secrets_are_changed_without_a_start(tmp_path) -> None:
    with Receiver() as receiver:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file) as caller:
            decide(caller, held())
            receiver.until(1)
            new = base64.b64encode(b"1" * 32).decode()
            (tmp_path / "hook.secret").write_text(f"whsec_{new}\nwhsec_{SECRET}\n")
            decide(caller, held())
            both = receiver.until(2)[1]
            assert verify(both) and verify(both, new)
            (tmp_path / "hook.secret").write_text(f"whsec_{new}\n")
            decide(caller, held())
            last = receiver.until(3)[2]
    assert verify(last, new) and not verify(last)


def test_a_service_without_subscriptions_has_no_webhooks(tmp_path) -> None:
    service = build_service(settings_of(make_home(tmp_path / "home")))
    assert "webhooks" not in service.running._beside
    with called(service) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        query = {"subscription": "cases"}
        assert caller.get("/v1/webhooks/deliveries", params=query).status_code == 404
        assert caller.post("/v1/webhooks/resend", json=query).status_code == 404
        assert not (tmp_path / "home" / "webhooks.sqlite").exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{}", 422, "FIELD_MISSING"),
        (b"[", 400, "BODY_MALFORMED"),
        (b'{"subscription": 1}', 422, "FIELD_TYPE"),
        (b'{"subscription": "cases", "colour": 1}', 422, "FIELD_UNKNOWN"),
    ],
)
def test_hostile_bodies_are_refused(hooked: Caller, body: bytes, status: int, code: str) -> None:
    media = {"content-type": "application/json"}
    answer = hooked.post("/v1/webhooks/resend", content=body, headers=media)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "query", [{}, {"subscription": "cases", "state": "LOST"}, {"subscription": "c", "limit": "0"}]
)
def test_hostile_questions_are_refused(hooked: Caller, query: dict[str, str]) -> None:
    answer = hooked.get("/v1/webhooks/deliveries", params=query)
    assert answer.status_code == 422


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    folder = tmp_path_factory.mktemp("hooked")
    kinds = ["decision.held"]
    url = "https://hooks.bank.example/"
    with served(folder, subscribe(folder, {"name": "cases", "url": url, "kinds": kinds})) as caller:
        yield caller


def test_waits_that_shrink_are_refused(tmp_path) -> None:
    kinds = ["decision.held"]
    url = "https://hooks.bank.example/"
    file = str(subscribe(tmp_path, {"name": "cases", "url": url, "kinds": kinds}))
    wanted = {"WEBHOOKS__FILE": file, "WEBHOOKS__RETRY_SECONDS_MAX": "1"}
    with pytest.raises(Misconfigured) as caught:
        build_service(settings_of(make_home(tmp_path / "home"), **wanted))
    assert caught.value.code is Code.SETTING_INVALID


def test_sabotage_a_changed_body_does_not_verify(tmp_path) -> None:
    with Receiver() as receiver:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file) as caller:
            decide(caller, held())
            (got,) = receiver.until(1)
    assert verify(got)
    changed = json.dumps({**got.told, "type": "decision.rejected"}).encode()
    assert not verify(Got(got.path, got.headers, changed))
    assert not verify(Got(got.path, {**got.headers, "webhook-timestamp": "1"}, got.body))

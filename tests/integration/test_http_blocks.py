"""Blocks over HTTP: a marked user is stopped, and a credit is blocked until somebody ends that."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from crivo.bootstrap.proving import replay_home
from crivo.decision.reason_texts import Audience, Language, public_text
from crivo.decision.reasons import ReasonCode
from tests.e2e.homes import RISKY_CENTAVOS, ROOT, make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.test_http_explanation import served
from tests.integration.test_http_holds import shown
from tests.unit.adapters.http.bodies import GOOD
from tests.unit.decision.test_blocks import NOBODY, OURS

pytestmark = pytest.mark.slow

SCORE = 'key = "score.hold.min"\nvalue = "0.60"'
PAYEE = Audience.PAYEE
_numbers = iter(range(10**6))


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The repository's policy, of an institution that blocks credits of a score of one half."""
    folder = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", folder)
    text = (folder / "decision.toml").read_text()
    ours = NOBODY.replace("[]", f'["{OURS}"]')
    for old, new in ((NOBODY, ours), (SCORE, SCORE.replace("60", "40"))):
        assert old in text
        text = text.replace(old, new)
    (folder / "decision.toml").write_text(text)
    return folder


def decide(client: Caller, at: str, **facts: object) -> dict:
    id_ = f"E12345678202611231200bloc{next(_numbers):07d}"
    body = {**GOOD, "end_to_end_id": id_, "occurred_at": f"2026-11-{at}Z", **facts}
    answer = client.post("/v1/decisions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes(answer: dict) -> list[str]:
    return [each["code"] for each in answer["reasons"]]


def block(client: Caller, at: str) -> dict:
    facts = {"payee_ispb": OURS, "payee_segment": "LEGAL_PERSON", "phase": "settlement"}
    answer = decide(client, at, amount_centavos=RISKY_CENTAVOS + 1, **facts)
    assert answer["outcome"] == "HOLD"
    assert codes(answer)[-1] == "PRECAUTIONARY_BLOCK"
    texts = [each["text_pt"] for each in answer["reasons"]]
    assert texts == [public_text(ReasonCode(each), PAYEE, Language.PT) for each in codes(answer)]
    assert texts[-1].startswith("O valor recebido foi bloqueado por cautela")
    return answer


def found(client: Caller, answer: dict) -> dict:
    return client.get(f"/v1/decisions/{answer['end_to_end_id']}?phase=settlement").json()


def tell(client: Caller, answer: dict, event: str, at: str) -> int:
    told = {"event": event, "occurred_at": f"2026-11-{at}Z", "phase": "settlement"}
    path = f"/v1/decisions/{answer['end_to_end_id']}/events"
    return client.post(path, json=told).status_code


def block_two_credits(client: Caller) -> None:
    """One ends by the institution's word, the other when three days are over."""
    first, second = block(client, "23T12:00:00"), block(client, "23T12:01:00")
    assert first["hold"] == {"until": "2026-11-26T12:00:00Z", "ends_as": "ALLOW"}
    assert tell(client, first, "settled", "23T12:01:01") == 200
    assert found(client, first)["standing"] == "BLOCKED"
    assert tell(client, first, "cancelled", "23T12:02:00") == 409
    give_back(client, first, 1, "23T12:02:00")
    assert found(client, first)["standing"] == "BLOCKED"
    assert tell(client, first, "returned", "23T12:02:00") == 200
    assert found(client, first)["standing"] == "STOPPED"
    measured(client, "crivo_holds_open 1.0")
    explained = client.get(f"/v1/decisions/{second['end_to_end_id']}/explanation?phase=settlement")
    assert explained.json()["reasons"] == second["reasons"] == found(client, second)["reasons"]
    # The clock moves on with the next transfer: the time of the second block is over.
    decide(client, "26T12:01:00", end_to_end_id="E12345678202611261201bloc0000099")
    (event,) = wait(client, second)["events"]
    assert (event["event"], event["outcome"]) == ("hold_end", "ALLOW")
    assert found(client, second)["standing"] == "SETTLED"
    measured(client, 'crivo_hold_ends_total{outcome="ALLOW"} 1.0')


def give_back(client: Caller, answer: dict, centavos: int, at: str) -> None:
    told = {
        "end_to_end_id": answer["end_to_end_id"],
        "occurred_at": f"2026-11-{at}Z",
        "status": "RETURNED",
        "return_id": f"D12345678202611231200abcDEF{next(_numbers):05d}",
        "return_reason": "FR01",
        "returned_centavos": centavos,
    }
    assert client.post("/v1/events/settlement.v1", json=told).status_code == 200


def block_that_goes_back(client: Caller) -> None:
    """All of the credit goes back by the rail, in two parts: that is its end."""
    answer = block(client, "23T11:59:00")
    assert tell(client, answer, "settled", "23T11:59:01") == 200
    for centavos in (RISKY_CENTAVOS, 1):
        give_back(client, answer, centavos, "23T11:59:02")
    assert tell(client, answer, "released", "23T11:59:03") == 409
    # Whoever is shown the decision may be a moment ahead of the disk.
    after = wait(client, answer, events=2)
    assert [each["event"] for each in after["events"]] == ["settled", "returned"]
    assert after["standing"] == "STOPPED"
    measured(client, "crivo_holds_open 0.0")


def measured(client: Caller, line: str) -> None:
    """Waits until the metrics say so: some are taken now and then."""
    deadline = time.monotonic() + 300
    while f"\n{line}\n" not in (text := client.get("/metrics").text):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


def wait(client: Caller, answer: dict, events: int = 1) -> dict:
    return shown(client, f"{answer['end_to_end_id']}?phase=settlement", events=events)


def mark_somebody(client: Caller) -> None:
    """Payer, payee and key are stopped until the marker is cancelled."""
    marker = {
        "marker_id": "m-1",
        "occurred_at": "2026-11-26T12:02:00Z",
        "person_id": "somebody",
        "fraud_type": "SCAMMER_ACCOUNT",
        "status": "REGISTERED",
        "key_id": "somebody@example.com",
    }
    ids = {"payer_person_id": "somebody", "payee_person_id": "somebody"}
    facts = [{name: id_} for name, id_ in {**ids, "payee_key_id": marker["key_id"]}.items()]

    def outcomes(at: str) -> list[tuple[str, list[str]]]:
        own = [f"E12345678202611261202bloc{next(_numbers):07d}" for _ in facts]
        asked = zip(own, facts, strict=True)
        made = [decide(client, at, end_to_end_id=id_, **each) for id_, each in asked]
        return [(each["outcome"], codes(each)) for each in made]

    before = outcomes("26T12:02:00")
    assert "REJECT" not in {outcome for outcome, _ in before}
    assert client.post("/v1/events/fraud_marker.v1", json=marker).status_code == 200
    stopped = outcomes("26T12:03:00")
    reasons = ["PAYER_MARKED", "PAYEE_MARKED", "PAYEE_MARKED"]
    assert [outcome for outcome, _ in stopped] == ["REJECT"] * 3
    assert [codes_[0] for _, codes_ in stopped] == reasons
    gone = {**marker, "occurred_at": "2026-11-26T12:04:00Z", "previous": "REGISTERED"}
    gone = {name: value for name, value in gone.items() if name != "key_id"}
    other = {**gone, "status": "CANCELLED", "person_id": "somebody else"}
    assert client.post("/v1/events/fraud_marker.v1", json=other).status_code == 409
    answer = client.post("/v1/events/fraud_marker.v1", json={**gone, "status": "CANCELLED"})
    assert answer.status_code == 200, answer.text
    assert "REJECT" not in {outcome for outcome, _ in outcomes("26T12:05:00")}


def test_credits_are_blocked_marked_users_are_stopped_and_all_of_it_replays(policy: Path) -> None:
    home = make_home(policy.parent / "home")
    with served(home, POLICY=str(policy)) as client:
        block_that_goes_back(client)
        block_two_credits(client)
        mark_somebody(client)
    result = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (result.compared, result.differing) == (13, 0)

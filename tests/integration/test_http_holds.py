"""A hold over HTTP: its terms in the answer, its end shown once, also by the next start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from crivo.bootstrap.service import Service, build_service
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.test_http_explanation import served
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

HELD = "E12345678202611231200hold0000001"
LATER = "E12345678202611231300hold0000002"


def shown(caller: Caller, end_to_end_id: str, *, events: int) -> dict:
    """The decision once so many events followed it."""
    deadline = time.monotonic() + 300
    while True:
        answer = caller.get(f"/v1/decisions/{end_to_end_id}")
        assert answer.status_code == 200, answer.text
        if len(answer.json()["events"]) >= events:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def hold(service: Service, caller: Caller) -> dict:
    """The answer to a transfer that is held: it is due long before it is decided."""
    usual = service.decisions._judge._monotonic_ns
    service.decisions._judge._monotonic_ns = lambda: time.perf_counter_ns() + 10**12
    facts = {**GOOD, "end_to_end_id": HELD, "amount_centavos": RISKY_CENTAVOS + 1}
    answer = caller.post("/v1/decisions", json=facts).json()
    service.decisions._judge._monotonic_ns = usual
    assert answer["outcome"] == "HOLD"
    return answer


def test_a_hold_is_ended_by_the_service_and_once_for_all(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    service = build_service(settings_of(home))
    caller = Caller(service)
    caller.start()
    caller.headers = {"authorization": f"Bearer {KEY}"}
    while caller.get("/health/ready").status_code != 200:
        time.sleep(0.02)
    answer = hold(service, caller)
    assert answer["hold"] == {"until": "2026-11-23T12:30:00Z", "ends_as": "REJECT"}
    found = shown(caller, HELD, events=0)
    others = dict.fromkeys(("night_centavos", "device_centavos", "cash_centavos"))
    nothing = {"day_centavos": 0, **others}
    beside = {"events": [], "lists": [], "sums": nothing}
    assert found == {**answer, "standing": "HELD", **beside}
    caller.stop()
    # The clock moves on while nothing runs but the next service: an hour later the hold is over.
    with served(home) as again:
        later = {**GOOD, "end_to_end_id": LATER, "occurred_at": "2026-11-23T13:00:00Z"}
        assert again.post("/v1/decisions", json=later).status_code == 200
        (event,) = shown(again, HELD, events=1)["events"]
        assert (event["event"], event["outcome"]) == ("hold_end", "REJECT")
        assert event["occurred_at"] == answer["hold"]["until"]
    with served(home) as third:
        time.sleep(0.6)
        assert shown(third, HELD, events=1)["events"] == [event]
        assert "crivo_holds_open 0.0" in third.get("/metrics").text

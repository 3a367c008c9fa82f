"""kill -9 between the sending of a webhook and its note: it is sent again, under the same id."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.e2e.homes import RISKY_CENTAVOS, make_home
from tests.e2e.serving import serving
from tests.integration.receivers import Receiver, holding_policy, subscribe
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow


def held(number: int) -> dict[str, object]:
    id_ = f"E12345678202611231200wkil{number:07d}"
    return {**GOOD, "end_to_end_id": id_, "amount_centavos": RISKY_CENTAVOS + 1}


def test_a_webhook_that_a_kill_interrupts_is_sent_again_and_none_is_lost(tmp_path: Path) -> None:
    dice, home = random.Random(20_261_126), make_home(tmp_path / "home")
    policy = str(holding_policy(tmp_path))
    answered: list[str] = []
    hanging = threading.Event()
    with Receiver(wait=hanging.wait) as receiver:
        kinds = ["decision.held"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        wanted = {"POLICY": policy, "WEBHOOKS__FILE": str(file), "WEBHOOKS__RETRY_SECONDS": "0.2"}
        for turn in range(3):
            before = len(receiver.got)
            with serving(home, **wanted) as running, running.client() as client:
                for number in range(turn * 10, turn * 10 + dice.randrange(1, 6)):
                    body = held(number)
                    assert client.post("/v1/decisions", json=body).json()["outcome"] == "HOLD"
                    answered.append(str(body["end_to_end_id"]))
                # One is on its way, and hangs with its receiver: nobody can have noted it.
                receiver.until(before + 1)
                running.kill()
        interrupted = [each.id for each in receiver.got]
        hanging.set()
        with serving(home, **wanted) as running:
            receiver.until(len(interrupted) + len(answered))
            assert running.stop() == 0
    assert len(set(interrupted)) == 1, "what was interrupted was not sent again first"
    assert interrupted[0] in [each.id for each in receiver.got[len(interrupted) :]]
    told = {each.told["data"]["end_to_end_id"]: each.id for each in receiver.got}
    assert sorted(told) == sorted(answered), "a webhook is lost"
    assert len(set(told.values())) == len(answered)
    bodies = {(each.id, each.body) for each in receiver.got}
    assert len(bodies) == len(answered), "one id had two bodies"

"""Webhooks while the service runs: other subscriptions, and the word of the rail itself."""

from __future__ import annotations

import time

import pytest

from tests.integration.receivers import Receiver, eventually, subscribe
from tests.integration.test_webhooks import SAID, decide, held, rejected, served

pytestmark = pytest.mark.slow


def test_a_hold_that_the_rail_ends_is_told_and_one_that_was_over_is_not(tmp_path) -> None:
    with Receiver() as receiver:
        kinds = ["hold.ended"]
        file = subscribe(tmp_path, {"name": "cases", "url": receiver.url, "kinds": kinds})
        with served(tmp_path, file) as caller:
            bodies = [held() for _ in range(3)]
            for body in bodies:
                assert decide(caller, body)["outcome"] == "HOLD"
            at = {"occurred_at": bodies[0]["occurred_at"]}
            ids = [body["end_to_end_id"] for body in bodies]
            # The rail paid what was held: the door of settlements takes what happened.
            paid = {**at, "end_to_end_id": ids[0], "status": "SETTLED"}
            assert caller.post("/v1/events/settlement.v1", json=paid).status_code == 200
            for id_, event, why in (
                (ids[2], "released", {}),
                (ids[1], "rejected", {"rejection": "FRAD"}),
                (ids[2], "settled", {}),
            ):
                told = {**at, "event": event, **why}
                assert caller.post(f"/v1/decisions/{id_}/events", json=told).status_code == 200
            got = receiver.until(3)
            time.sleep(0.3)
            assert len(receiver.got) == 3
    ends = [(each.told["data"]["cause"], each.told["data"]["outcome"]) for each in got]
    assert ends == [("SETTLED", "ALLOW"), ("RELEASED", "ALLOW"), ("REJECTED", "REJECT")]
    assert all(each.told["data"].keys() <= SAID for each in got)


def test_subscriptions_are_taken_while_the_service_runs_and_a_faulty_file_changes_none(
    tmp_path,
) -> None:
    with Receiver() as first, Receiver() as second:
        kinds = ["decision.held"]
        one = {"name": "cases", "url": first.url, "kinds": kinds}
        two = {"name": "audit", "url": second.url, "kinds": ["decision.rejected"]}
        with served(tmp_path, subscribe(tmp_path, one)) as caller:

            def reloads(result: str, count: int) -> bool:
                line = f'crivo_webhook_reloads_total{{result="{result}"}} {count}.0'
                return line in caller.get("/metrics").text

            decide(caller, held())
            first.until(1)
            subscribe(tmp_path, one, {**two, "kinds": ["no.such"]})
            eventually(lambda: reloads("refused", 1))
            decide(caller, held())
            first.until(2)
            subscribe(tmp_path, one, two)
            eventually(lambda: reloads("adopted", 1))
            decide(caller, rejected())
            (got,) = second.until(1)
            assert got.told["type"] == "decision.rejected"
            subscribe(tmp_path, two)
            eventually(lambda: reloads("adopted", 2))
            decide(caller, held())
            decide(caller, rejected())
            second.until(2)
    assert (len(first.got), len(second.got)) == (2, 2)

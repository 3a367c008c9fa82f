"""Lists over HTTP: an entry is told, decides at once, and no longer after its removal."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.bootstrap.service import build_service
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.calling import Caller, called
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

_numbers = iter(range(10**6))


def decide(caller: Caller, minute: int, **facts: object) -> dict:
    at = f"2026-11-23T12:{minute:02d}:00Z"
    id_ = f"E12345678202611231200list{next(_numbers):07d}"
    answer = caller.post(
        "/v1/decisions", json={**GOOD, "end_to_end_id": id_, "occurred_at": at, **facts}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def tell(caller: Caller, minute: int, **facts: object) -> None:
    entry = {
        "entry_id": "entry-1",
        "occurred_at": f"2026-11-23T12:{minute:02d}:00Z",
        "entity": "ACCOUNT",
        "entity_id": "payee",
        "kind": "DENY",
        "side": "PAYEE",
        "action": "ADDED",
        **facts,
    }
    answer = caller.post("/v1/events/list_entry.v1", json=entry)
    assert answer.status_code == 200, answer.text


def test_an_entry_that_no_transfer_could_meet_is_refused(tmp_path: Path) -> None:
    entry = {
        "entry_id": "nobody",
        "occurred_at": "2026-11-23T12:00:00Z",
        "entity_id": "x",
        "kind": "DENY",
        "action": "ADDED",
    }
    with called(build_service(settings_of(make_home(tmp_path / "home")))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        taken = set()
        for entity in ("ACCOUNT", "PERSON", "KEY", "DEVICE"):
            for side in ("PAYER", "PAYEE", "BOTH"):
                sent = {**entry, "entry_id": f"{entity}-{side}", "entity": entity, "side": side}
                answer = caller.post("/v1/events/list_entry.v1", json=sent)
                if answer.status_code == 200:
                    taken.add((entity, side))
                else:
                    told = answer.json()
                    assert (answer.status_code, told["code"], told["field"]) == (
                        422,
                        "FIELD_VALUE",
                        "side",
                    )
        assert len(taken) == 10
        assert not taken & {("DEVICE", "PAYEE"), ("KEY", "PAYER")}
        # One that was taken before may still be removed.
        gone = {**entry, "entity": "DEVICE", "side": "PAYEE", "action": "REMOVED"}
        assert caller.post("/v1/events/list_entry.v1", json=gone).status_code == 200


def test_an_entry_denies_until_it_is_removed_and_another_lets_pass(tmp_path: Path) -> None:
    with called(build_service(settings_of(make_home(tmp_path / "home")))) as caller:
        caller.headers = {"authorization": f"Bearer {KEY}"}
        assert decide(caller, 0)["outcome"] == "ALLOW"
        tell(caller, 1)
        denied = decide(caller, 2)
        assert denied["outcome"] == "REJECT"
        found = caller.get(f"/v1/decisions/{denied['end_to_end_id']}").json()
        assert found["lists"] == [{"kind": "DENY", "side": "PAYEE", "entry_id": "entry-1"}]
        sums = {"day_centavos": GOOD["amount_centavos"], "night_centavos": None}
        assert found["sums"] == {**sums, "device_centavos": None, "cash_centavos": None}
        assert [each["code"] for each in denied["reasons"]] == ["LISTED"]
        # As a payer the same account is not meant.
        back = {"payer_account_id": "payee", "payee_account_id": "payer"}
        assert decide(caller, 3, **back)["outcome"] == "ALLOW"
        tell(caller, 4, action="REMOVED")
        assert decide(caller, 5)["outcome"] == "ALLOW"
        risky = {"amount_centavos": RISKY_CENTAVOS + 1}
        assert decide(caller, 6, **risky)["outcome"] == "STEP_UP"
        tell(caller, 7, entry_id="entry-2", kind="ALLOW", expires_at="2026-11-23T12:09:00Z")
        assert decide(caller, 8, **risky)["outcome"] == "ALLOW"
        assert decide(caller, 9, **risky)["outcome"] == "STEP_UP"
        text = caller.get("/metrics").text
        assert "crivo_list_entries" in text

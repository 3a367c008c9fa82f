"""What an account attempted tonight is known again after kill -9, from a snapshot or the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from crivo.bootstrap.proving import replay_home
from tests.e2e.homes import make_home, settings_of
from tests.e2e.serving import Served, serving
from tests.e2e.test_snapshots import wait_for_cut
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

TOTAL = "NIGHT_TOTAL_LIMIT"


def decide(served: Served, number: int, *, centavos: int = 30_000) -> list[str]:
    """The reasons of a transfer of the evening of 23 November 2026 in Brasília."""
    body = {
        **GOOD,
        "end_to_end_id": f"E12345678202611240000sums{number:07d}",
        "occurred_at": f"2026-11-24T00:{number:02d}:00Z",
        "amount_centavos": centavos,
        "payer_segment": "NATURAL_PERSON",
    }
    with served.client() as client:
        answer = client.post("/v1/decisions", json=body).raise_for_status().json()
    return [each["code"] for each in answer["reasons"]]


def reject(served: Served, number: int) -> None:
    """The rail rejects it."""
    body = {
        "end_to_end_id": f"E12345678202611240000sums{number:07d}",
        "occurred_at": f"2026-11-24T00:{number:02d}:30Z",
        "status": "REJECTED",
        "rejection": "AM04",
    }
    with served.client() as client:
        client.post("/v1/events/settlement.v1", json=body).raise_for_status()


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_killed_service_knows_the_night_again(tmp_path: Path, is_kept: bool) -> None:
    home = make_home(tmp_path / "home")
    every = {"SNAPSHOTS__EVERY_EVENTS": "4"} if is_kept else {"SNAPSHOTS__ENABLED": "false"}
    with serving(home, **every) as served:
        assert not any(TOTAL in decide(served, number) for number in range(3))
        assert TOTAL in decide(served, 3)
        if is_kept:
            wait_for_cut(home, 4)
        served.kill()
    with serving(home, SNAPSHOTS__ENABLED="false") as again:
        assert TOTAL in decide(again, 4)
        assert TOTAL not in decide(again, 5, centavos=10_000)
        reject(again, 1)
        assert TOTAL not in decide(again, 6)
        again.kill()
    with serving(home, SNAPSHOTS__ENABLED="false") as last:
        assert TOTAL in decide(last, 7, centavos=1)
        assert last.stop() == 0
    result = replay_home(settings_of(home), progress=lambda _done, _end: None)
    assert (result.compared, result.differing) == (8, 0)

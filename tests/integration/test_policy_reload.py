"""The policy files change under a service that answers: seen over HTTP, explained, and measured."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from tests.e2e.homes import ROOT, make_home
from tests.integration.calling import Caller
from tests.integration.test_http_explanation import explained, served
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

IDS = tuple(f"E12345678202611231200relo000000{number}" for number in range(9))


def decided(caller: Caller, end_to_end_id: str) -> dict:
    answer = caller.post("/v1/decisions", json={**GOOD, "end_to_end_id": end_to_end_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def reloads(caller: Caller, result: str) -> int:
    found = re.search(
        rf'^crivo_policy_reloads_total{{result="{result}"}} (\S+)$',
        caller.get("/metrics").text,
        re.MULTILINE,
    )
    return int(float(found[1])) if found else 0


def wait_for(caller: Caller, result: str) -> None:
    deadline = time.monotonic() + 60
    while not reloads(caller, result):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_changed_policy_decides_and_explains_while_the_service_runs(tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", policy)
    file = policy / "degraded.toml"
    with served(make_home(tmp_path / "home"), POLICY=str(policy)) as caller:
        first = decided(caller, IDS[0])
        told = explained(caller, IDS[0])
        file.write_text(file.read_text().replace("value = 100", "value = 90"))
        wait_for(caller, "adopted")
        second = decided(caller, IDS[1])
        assert second["versions"]["policy"] != first["versions"]["policy"]
        assert second["versions"]["model"] == first["versions"]["model"]
        served_now = re.findall(
            r"^crivo_model_info{(.*)} 1.0$", caller.get("/metrics").text, re.MULTILINE
        )
        assert len(served_now) == 1
        assert second["versions"]["bundle"] in served_now[0]
        file.write_text("[[entry]")
        wait_for(caller, "refused")
        assert decided(caller, IDS[2])["versions"] == second["versions"]
        assert decided(caller, IDS[0]) == first
        assert explained(caller, IDS[0]) == told
        assert explained(caller, IDS[1])["versions"] == second["versions"]
    assert (tmp_path / "home" / "bundles" / second["versions"]["bundle"]).is_dir()

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


def wait_for(caller: Caller, result: str, times: int = 1) -> None:
    deadline = time.monotonic() + 300
    while reloads(caller, result) < times:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_changed_policy_decides_and_explains_while_the_service_runs(tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", policy)
    file = policy / "degraded.toml"
    with served(make_home(tmp_path / "home"), POLICY=str(policy)) as caller:
        first = decided(caller, IDS[0])
        told = explained(caller, IDS[0])
        now_right = file.read_text().replace("value = 100", "value = 90")
        file.write_text(now_right)
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
        rules = policy / "rules.toml"
        whole, right = rules.read_text(), "value = 2592000"
        assert right in whole
        rules.write_text(whole.replace(right, "value = 1" + "0" * 400))
        file.write_text(now_right)
        wait_for(caller, "refused", 2)
        assert decided(caller, IDS[2])["versions"] == second["versions"]
        # What follows the files outlived the number: a mended file is taken, and decides.
        rules.write_text(whole)
        file.write_text(now_right.replace("value = 90", "value = 80"))
        wait_for(caller, "adopted", 2)
        assert decided(caller, IDS[3])["versions"]["policy"] != second["versions"]["policy"]
        assert decided(caller, IDS[0]) == first
        assert explained(caller, IDS[0]) == told
        assert explained(caller, IDS[1])["versions"] == second["versions"]
    assert (tmp_path / "home" / "bundles" / second["versions"]["bundle"]).is_dir()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_breaks_takes_readiness_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a bug in the thread that follows the policy")

    with served(make_home(tmp_path / "home")) as caller:
        assert "crivo_ready 1.0" in caller.get("/metrics").text
        with monkeypatch.context() as patched:
            patched.setattr("crivo.flows.reload.stamps_of", broken)
            deadline = time.monotonic() + 300
            while caller.get("/health/ready").status_code == 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert "crivo_ready 0.0" in caller.get("/metrics").text
        answer = caller.post("/v1/decisions", json={**GOOD, "end_to_end_id": IDS[0]})
        assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
    (logged,) = [each for each in caplog.records if each.message == "thread.broken"]
    assert logged.facts == {"thread": "policy"}

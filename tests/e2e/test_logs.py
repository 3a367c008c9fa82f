"""What a running service logs: each line is one JSON object of the Elastic Common Schema."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.homes import make_home
from tests.e2e.serving import Served, serving
from tests.integration.receivers import eventually, holding_policy
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

LEVELS = {"debug", "info", "warning", "error", "critical"}


def lines_of(served: Served) -> list[dict]:
    """What it logged; the two lines with its address and page are for people."""
    said = served.said.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


def actions(served: Served) -> list[str]:
    return [line["event"]["action"] for line in lines_of(served)]


def check(lines: list[dict], *, since: datetime) -> None:
    for line in lines:
        at = datetime.fromisoformat(line["@timestamp"])
        assert since - timedelta(seconds=1) <= at <= datetime.now(UTC) + timedelta(seconds=1)
        assert line["log.level"] in LEVELS
        assert line["log"]["logger"]
        assert line["ecs.version"]
        assert line["service"]["name"] == "crivo" and line["service"]["version"]
        assert line["message"] == line["event"]["action"]


def test_a_service_logs_what_happens_in_the_elastic_common_schema(tmp_path: Path) -> None:
    policy, since = holding_policy(tmp_path), datetime.now(UTC)
    file = policy / "degraded.toml"
    whole = file.read_text(encoding="utf-8")
    with serving(make_home(tmp_path / "home"), POLICY=str(policy)) as served:
        file.write_text("[[entry]", encoding="utf-8")
        eventually(lambda: "policy.refused" in actions(served), seconds=60)
        file.write_text(whole.replace("value = 600000", "value = 500000"), encoding="utf-8")
        eventually(lambda: "policy.adopted" in actions(served), seconds=60)
        with served.client() as client:
            client.post("/v1/decisions", json=GOOD)
            client.post("/v1/decisions", content=b"{", headers={"content-type": "application/json"})
        time.sleep(0.2)
        assert served.stop() == 0
        lines = lines_of(served)
    check(lines, since=since)
    (refused,) = [line for line in lines if line["event"]["action"] == "policy.refused"]
    assert refused["log.level"] == "warning"
    assert refused["error"]["code"] == "POLICY_INVALID"
    assert "degraded.toml" in json.dumps(refused["crivo"])
    # What a caller sent is in no line.
    assert not any(word in json.dumps(lines) for word in (GOOD["end_to_end_id"], "payer"))


def test_sabotage_a_line_of_another_form_is_noticed() -> None:
    now = datetime.now(UTC)
    line = {
        "@timestamp": now.isoformat().replace("+00:00", "Z"),
        "log.level": "info",
        "log": {"logger": "crivo"},
        "ecs.version": "1.6.0",
        "service": {"name": "crivo", "version": "1"},
        "message": "x.y",
        "event": {"action": "x.y"},
    }
    check([line], since=now)
    for name in line:
        with pytest.raises((AssertionError, KeyError)):
            check([{each: line[each] for each in line if each != name}], since=now)

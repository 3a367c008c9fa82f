"""A real Prometheus scrapes a running service with a key, and answers questions about it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crivo.adapters.http.openapi import EVENT_EXAMPLE
from crivo.adapters.telemetry.catalogue import CATALOGUE, Kind
from tests.e2e.homes import KEY, make_home
from tests.e2e.serving import serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: Told of once something happens that the test does not bring about.
UNTOUCHED = {
    "crivo_decisions_degraded_total",
    "crivo_faults_total",
    "crivo_hold_ends_total",
    "crivo_ledger_failures_total",
    "crivo_policy_reloads_total",
    "crivo_revisions_total",
    "crivo_traces_dropped_total",
    "crivo_webhook_attempts_total",
    "crivo_webhook_delivery_seconds",
    "crivo_webhook_lag_events",
    "crivo_webhook_reloads_total",
    "crivo_webhooks_dead",
    "crivo_webhooks_waiting",
    "crivo_worker_lag_records",
    "crivo_worker_partitions",
    "crivo_worker_rebuilds_total",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def prometheus(program: str, folder: Path, target: str) -> Iterator[str]:
    """A Prometheus on loopback that scrapes `target` with the key every second; its address."""
    key = folder / "key"
    key.write_text(KEY, encoding="utf-8")
    setting = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "crivo",
                "authorization": {"type": "Bearer", "credentials_file": str(key)},
                "static_configs": [{"targets": [target.removeprefix("http://")]}],
            }
        ],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(setting), encoding="utf-8")
    port = free_port()
    command = [program, f"--config.file={folder}/prometheus.yml"]
    command += [f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def ask(address: str, query: str) -> list[dict]:
    """What a question gives now; nothing while it is starting."""
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]["result"]
    except OSError:
        return []


def until(address: str, query: str, holds) -> list[dict]:
    deadline = time.monotonic() + 120
    while True:
        found = ask(address, query)
        if found and holds(found):
            return found
        assert time.monotonic() < deadline, (query, found)
        time.sleep(0.2)


def test_prometheus_reads_every_metric_and_counts_what_happened(
    tmp_path: Path, require_program
) -> None:
    program = require_program("prometheus")
    with serving(make_home(tmp_path / "home")) as running:
        with running.client() as client:
            for number in range(25):
                body = {**GOOD, "end_to_end_id": f"E12345678202611231200prom{number:07d}"}
                assert client.post("/v1/decisions", json=body).status_code == 200
            client.post("/v1/decisions", json={})
            client.post("/v1/decisions", json=body)
            names = [entry["name"] for entry in client.get("/v1/model").json()["signature"]]
            client.post("/predict", json=dict.fromkeys(names))
            id_ = body["end_to_end_id"]
            done = {"event": "cancelled", "occurred_at": body["occurred_at"]}
            for path, told in (
                ("/v1/reports", {"report_id": "prometheus", "end_to_end_id": id_}),
                ("/v1/events/login.v1", EVENT_EXAMPLE),
                ("/v1/reviews", {"end_to_end_id": id_}),
                (f"/v1/decisions/{id_}/events", done),
            ):
                answer = client.post(path, json=told)
                assert answer.status_code < 300, answer.text
        with prometheus(program, tmp_path, running.address) as address:
            until(
                address,
                "sum(crivo_decisions_total)",
                lambda found: float(found[0]["value"][1]) == 25,
            )
            for metric in CATALOGUE:
                if metric.name in UNTOUCHED:
                    continue
                name = metric.name + ("_bucket" if metric.kind is Kind.HISTOGRAM else "")
                until(address, name, lambda found: len(found) > 0)
            timed = "sum by (stage) (crivo_decision_stage_seconds_count) > 0"
            stages = {"waiting", "features", "model", "log"}
            until(
                address,
                timed,
                lambda found: {each["metric"]["stage"] for each in found} == stages,
            )
            late = "histogram_quantile(0.99, sum by (le) (crivo_decision_latency_seconds_bucket))"
            assert 0 < float(until(address, late, lambda _: True)[0]["value"][1]) <= 5
            (up,) = until(address, 'up{job="crivo"}', lambda found: found[0]["value"][1] == "1")
            assert up["metric"]["job"] == "crivo"


def test_the_exposition_passes_promtool(tmp_path: Path, require_program) -> None:
    program = require_program("promtool")
    with serving(make_home(tmp_path / "home")) as running, running.client() as client:
        client.post("/v1/decisions", json=GOOD)
        text = client.get("/metrics").content
    command = [program, "check", "metrics"]
    said = subprocess.run(command, check=False, input=text, capture_output=True)
    assert said.returncode == 0, said.stdout + said.stderr

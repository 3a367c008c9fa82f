"""A real Prometheus scrapes a running service with a key, and answers questions about it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from crivo.adapters.http.openapi import EVENT_EXAMPLE
from crivo.adapters.telemetry.catalogue import CATALOGUE
from crivo.adapters.telemetry.exposition import exposed
from crivo.adapters.telemetry.metric import Kind, Metric
from crivo.adapters.telemetry.metrics import Metrics
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home
from tests.e2e.serving import serving
from tests.free_port import free_port
from tests.integration.receivers import Receiver, eventually, holding_policy, subscribe
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: What only a bug, a breakdown or a cluster brings about, told by hand in a process that shows its
#: metrics as a worker does. tests/integration brings about each of them.
BY_HAND: Final[Mapping[str, Callable[[Metrics], None]]] = {
    "crivo_decided_twice_total": lambda metrics: metrics.decided_twice("alike"),
    "crivo_faults_total": lambda metrics: metrics.failed("other"),
    "crivo_follow_failures_total": lambda metrics: metrics.not_followed("LOG_UNAVAILABLE"),
    "crivo_follow_lag_events": lambda metrics: metrics.follow_lags("3f" * 16, 3),
    "crivo_followed_events_total": lambda metrics: metrics.followed(3),
    "crivo_inbox_failures_total": lambda metrics: metrics.inbox_waits("LOG_UNAVAILABLE"),
    "crivo_inbox_lag_records": lambda metrics: metrics.inbox_lags(3),
    "crivo_inbox_received_total": lambda metrics: metrics.inbox_received(3),
    "crivo_inbox_settled_total": lambda metrics: metrics.inbox_settled("refused", "ID_TIME", 3),
    "crivo_ledger_failures_total": lambda metrics: metrics.not_sealed("LOG_UNAVAILABLE"),
    "crivo_relay_failures_total": lambda metrics: metrics.not_relayed("LOG_UNAVAILABLE"),
    "crivo_relay_lag_events": lambda metrics: metrics.relay_lags(3),
    "crivo_revisions_total": lambda metrics: metrics.revised("ALLOW"),
    "crivo_snapshot_failures_total": lambda metrics: metrics.snapshot_failed(),
    "crivo_traces_dropped_total": lambda metrics: metrics.trace_dropped(),
    "crivo_spark_batches_total": lambda metrics: metrics.spark_batch(),
    "crivo_spark_failures_total": lambda metrics: metrics.spark_failed("LOG_UNAVAILABLE"),
    "crivo_spark_foreign_records_total": lambda metrics: metrics.spark_met_foreign(1),
    "crivo_spark_lag_records": lambda metrics: metrics.spark_lags(3),
    "crivo_spark_published_records_total": lambda metrics: metrics.spark_published(9),
    "crivo_spark_records_total": lambda metrics: metrics.spark_took_in(9),
    "crivo_spark_seconds_total": lambda metrics: metrics.spark_took("decide", 0.5),
    "crivo_spark_watermark_timestamp_seconds": lambda metrics: metrics.spark_watermark(9.0),
    "crivo_worker_lag_records": lambda metrics: metrics.worker_lags(3),
    "crivo_worker_partitions": lambda metrics: metrics.worker_bears(4),
    "crivo_worker_rebuilds_total": lambda metrics: metrics.worker_rebuilt(),
}
#: What is nothing, or not for long, in a service that keeps up: to be there is enough.
MAY_BE_NONE: Final = frozenset(
    {
        "crivo_http_requests_in_flight",
        "crivo_ledger_pending_records",
        "crivo_projection_lag_events",
        "crivo_webhook_lag_events",
        "crivo_webhooks_dead",
        "crivo_webhooks_waiting",
    }
)
#: What the scraper itself puts beside a metric's labels.
SCRAPED: Final = frozenset({"__name__", "job", "instance"})


@contextmanager
def prometheus(program: str, folder: Path, **targets: str) -> Iterator[str]:
    """A Prometheus on loopback that scrapes each target, by the name of its job, with the key every
    second; its address.
    """
    key = folder / "key"
    key.write_text(KEY, encoding="utf-8")
    setting = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": job,
                "authorization": {"type": "Bearer", "credentials_file": str(key)},
                "static_configs": [{"targets": [target.removeprefix("http://")]}],
            }
            for job, target in targets.items()
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
        process.wait(120)


def ask(address: str, query: str) -> list[dict]:
    """What a question gives now; nothing while it is starting."""
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]["result"]
    except OSError:
        return []


def until(address: str, query: str, holds) -> list[dict]:
    deadline = time.monotonic() + 300
    while True:
        found = ask(address, query)
        if found and holds(found):
            return found
        assert time.monotonic() < deadline, (query, untold(CATALOGUE, found) or found)
        time.sleep(0.2)


def untold(catalogue: Sequence[Metric], found: Sequence[Mapping]) -> set[str]:
    """The metrics that a scrape lacks, or has with nothing in them or with other labels."""
    missing = set()
    for metric in catalogue:
        name = metric.name + ("_count" if metric.kind is Kind.HISTOGRAM else "")
        job = "worker" if metric.name in BY_HAND else "crivo"
        labels = SCRAPED | set(metric.labels)
        told = [
            float(each["value"][1])
            for each in found
            if each["metric"]["__name__"] == name
            and each["metric"]["job"] == job
            and {*each["metric"], *metric.labels} == labels
        ]
        if not told or (metric.name not in MAY_BE_NONE and not any(told)):
            missing.add(metric.name)
    return missing


def body_of(number: int, **changes: object) -> dict[str, object]:
    return {**GOOD, "end_to_end_id": f"E12345678202611231200prom{number:07d}", **changes}


def bring_about(client: httpx.Client) -> int:
    """What a day brings to a service; how many transfers it decided then."""
    bodies = [body_of(number) for number in range(25)]
    # This one is held, and its time is over when the one after it is received, an hour late.
    bodies.append(body_of(25, amount_centavos=RISKY_CENTAVOS + 1))
    bodies.append(body_of(26, received_at="2026-11-23T13:00:00.000001Z"))
    later = {"occurred_at": "2026-11-23T13:01:00Z", "received_at": "2026-11-23T13:01:00Z"}
    bodies.append(body_of(27, amount_centavos=RISKY_CENTAVOS + 1, **later))
    for body in bodies:
        assert client.post("/v1/decisions", json=body).status_code == 200
    client.post("/v1/decisions", json={})
    client.post("/v1/decisions", json=bodies[0])
    names = [entry["name"] for entry in client.get("/v1/model").json()["signature"]]
    id_ = bodies[0]["end_to_end_id"]
    done = {"event": "cancelled", "occurred_at": GOOD["occurred_at"]}
    entry = {
        "entry_id": "prometheus",
        "occurred_at": "2026-11-23T12:30:00Z",
        "entity_id": "somebody",
        "entity": "ACCOUNT",
        "kind": "DENY",
        "side": "PAYEE",
        "action": "ADDED",
    }
    for path, told in (
        ("/predict", dict.fromkeys(names)),
        ("/v1/reports", {"report_id": "prometheus", "end_to_end_id": id_}),
        ("/v1/events/login.v1", EVENT_EXAMPLE),
        ("/v1/events/list_entry.v1", entry),
        ("/v1/reviews", {"end_to_end_id": id_}),
        (f"/v1/decisions/{id_}/events", done),
    ):
        answer = client.post(path, json=told)
        assert answer.status_code < 300, answer.text
    return len(bodies)


def change_the_files(client: httpx.Client, policy: Path, *cases: dict[str, object]) -> None:
    """Switches the model off and adds a subscription, and waits until the service has seen both."""
    file = policy / "degraded.toml"
    text, was = file.read_text(encoding="utf-8"), 'key = "kill.model.state"\nvalue = "off"'
    assert was in text
    file.write_text(text.replace(was, was.replace("off", "on")), encoding="utf-8")
    subscribe(policy.parent, *cases)

    def are_seen() -> bool:
        text = client.get("/metrics").text
        return all(
            f'{name}{{result="adopted"}} 1.0' in text
            for name in ("crivo_policy_reloads_total", "crivo_webhook_reloads_total")
        )

    eventually(are_seen, seconds=60)


def test_prometheus_reads_every_metric_and_counts_what_happened(
    tmp_path: Path, require_program
) -> None:
    program = require_program("prometheus")
    by_hand = Metrics()
    for tell in BY_HAND.values():
        tell(by_hand)
    with Receiver() as receiver, exposed(by_hand, "127.0.0.1", 0) as port:
        case = {"name": "cases", "url": receiver.url, "kinds": ["decision.held"]}
        policy, webhooks = holding_policy(tmp_path), subscribe(tmp_path, case)
        changes = {"POLICY": str(policy), "WEBHOOKS__FILE": str(webhooks)}
        with (
            serving(make_home(tmp_path / "home"), **changes) as running,
            running.client() as client,
            prometheus(
                program, tmp_path, crivo=running.address, worker=f"127.0.0.1:{port}"
            ) as address,
        ):
            count = bring_about(client)
            change_the_files(client, policy, case, {**case, "name": "audit"})
            degraded = client.post("/v1/decisions", json=body_of(28)).json()["degraded"]
            assert degraded == ["KILL_MODEL"]
            check_what_is_read(address, count + 1)


def check_what_is_read(address: str, decided: int) -> None:
    until(
        address,
        "sum(crivo_decisions_total)",
        lambda found: float(found[0]["value"][1]) == decided,
    )
    until(address, '{__name__=~"crivo_.+"}', lambda found: not untold(CATALOGUE, found))
    timed = "sum by (stage) (crivo_decision_stage_seconds_count) > 0"
    stages = {"waiting", "features", "model", "log"}
    until(address, timed, lambda found: {each["metric"]["stage"] for each in found} == stages)
    late = "histogram_quantile(0.99, sum by (le) (crivo_decision_latency_seconds_bucket))"
    assert 0 < float(until(address, late, lambda _: True)[0]["value"][1]) <= 5
    until(
        address,
        "up",
        lambda found: {
            (each["metric"]["job"], each["value"][1]) for each in found
        } == {("crivo", "1"), ("worker", "1")},
    )  # fmt: skip


def scraped(metric: Metric, value: str = "1") -> dict:
    """A sample of it as Prometheus tells it."""
    name = metric.name + ("_count" if metric.kind is Kind.HISTOGRAM else "")
    job = "worker" if metric.name in BY_HAND else "crivo"
    labels = dict.fromkeys(metric.labels, "x")
    return {
        "metric": {"__name__": name, "job": job, "instance": "i", **labels},
        "value": [0, value],
    }


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_sabotage_a_metric_that_nobody_tells_is_missed(metric: Metric) -> None:
    whole = [scraped(each) for each in CATALOGUE]
    assert untold(CATALOGUE, whole) == set()
    others = [scraped(each) for each in CATALOGUE if each is not metric]
    assert untold(CATALOGUE, others) == {metric.name}
    missed = {metric.name} if metric.name not in MAY_BE_NONE else set()
    assert untold(CATALOGUE, [*others, scraped(metric, "0")]) == missed
    other = scraped(metric)
    other["metric"]["another"] = "label"
    assert untold(CATALOGUE, [*others, other]) == {metric.name}


def test_what_is_told_by_hand_is_in_the_catalogue() -> None:
    names = {metric.name for metric in CATALOGUE}
    assert BY_HAND.keys() | MAY_BE_NONE <= names
    for name, tell in BY_HAND.items():
        metrics = Metrics()
        tell(metrics)
        assert metrics.touched() == {name}


def test_the_exposition_passes_promtool(tmp_path: Path, require_program) -> None:
    program = require_program("promtool")
    with serving(make_home(tmp_path / "home")) as running, running.client() as client:
        client.post("/v1/decisions", json=GOOD)
        text = client.get("/metrics").content
    command = [program, "check", "metrics"]
    said = subprocess.run(command, check=False, input=text, capture_output=True)
    assert said.returncode == 0, said.stdout + said.stderr

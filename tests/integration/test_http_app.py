"""The application in this process, on a real log: keys, page, document, metrics, limits."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from starlette.routing import Route

from crivo.adapters.http import hot
from crivo.adapters.http.answers import DecisionAnswer
from crivo.adapters.http.bodies import DecisionBody, ReportBody
from crivo.adapters.http.feed import Feed
from crivo.adapters.http.gate import Entrance, entrance_of
from crivo.adapters.http.openapi import EVENT_EXAMPLE
from crivo.adapters.http.page import page_routes
from crivo.adapters.telemetry.catalogue import CATALOGUE
from crivo.adapters.telemetry.metric import Kind
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.service import Service, build_service
from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.e2e.test_prometheus import BY_HAND
from tests.integration.calling import Caller
from tests.unit.adapters.http.bodies import GOOD

STATIC = Path(__file__).resolve().parents[2] / "src/crivo/adapters/http/static"

_numbers = iter(range(10**6))


def transfer(**changes: object) -> dict[str, object]:
    """A whole body under an id of its own."""
    return {
        **GOOD,
        "end_to_end_id": f"E12345678202611231200appl{next(_numbers):07d}",
        **changes,
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    home = make_home(tmp_path_factory.mktemp("app") / "home")
    return build_service(settings_of(home, HTTP__IN_FLIGHT_MAX="64"))


@pytest.fixture(scope="module")
def running(service: Service) -> Iterator[Caller]:
    caller = Caller(service)
    caller.start()
    until(caller, "/health/ready", holds=lambda answer: answer.status_code == 200)
    yield caller
    caller.stop()


@pytest.fixture
def client(running: Caller) -> Caller:
    """A caller with the key and without cookies."""
    running.headers = {"authorization": f"Bearer {KEY}"}
    running.cookies = {}
    running.forgiving = False
    return running


@pytest.fixture
def stranger(client: Caller) -> Caller:
    """A caller with neither."""
    client.headers.pop("authorization")
    return client


def until(client: Caller, path: str, *, holds, seconds: float = 900) -> object:
    """What a path answers once it holds; a kernel that must be compiled first takes minutes."""
    deadline = time.monotonic() + seconds
    while True:
        answer = client.get(path)
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.02)


def _paths(service: Service) -> list[str]:
    pages = page_routes(service.page, Feed(), service.app.hot.parts.limits).routes
    routes = [each.path for each in (*service.app.routes, *pages) if isinstance(each, Route)]
    return sorted({*routes, *service.app.openapi()["paths"], "/no/such/path", "/v1", "//"})


def test_every_path_but_health_and_static_asks_for_a_key_or_the_page(
    service: Service, stranger: Caller
) -> None:
    found = {}
    for path in _paths(service):
        url = path.replace("{end_to_end_id}", "E1").replace("{name}", "page.css")
        method = "POST" if path in {"/v1/decisions", "/predict"} else "GET"
        found[path] = stranger.request(method, url).status_code
    opened = {path for path, status in found.items() if status != 401}
    assert opened == {"/health/live", "/health/ready", "/open", "/static/{name}"}
    assert found["/open"] == 422


@pytest.mark.parametrize(
    ("path", "entrance"),
    [
        ("/health/live", Entrance.OPEN),
        ("/health/../v1/model", Entrance.KEY),
        ("/static", Entrance.KEY),
        ("/page", Entrance.KEY),
        ("/page/decisions", Entrance.PAGE),
        ("/HEALTH/live", Entrance.KEY),
        ("", Entrance.KEY),
    ],
)
def test_an_entrance_is_open_only_where_it_is_named(path: str, entrance: Entrance) -> None:
    assert entrance_of(path) is entrance


def test_static_files_are_a_closed_list(stranger: Caller) -> None:
    for name in ("page.css", "page.js", "icon.svg"):
        assert stranger.get(f"/static/{name}").status_code == 200
    for name in ("page.html", "..%2fapp.py", "%2e%2e/app.py", "..%5capp.py", "page.css%00"):
        assert stranger.get(f"/static/{name}").status_code in {401, 404}


def test_the_page_opens_once_and_shows_decisions(client: Caller) -> None:
    client.post("/v1/decisions", json=transfer(amount_centavos=RISKY_CENTAVOS + 1))
    link = client.post("/v1/page-links").json()["path"]
    client.headers.pop("authorization")
    opened = client.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert 'id="decisions"' in client.get("/").text
    page = until(
        client, "/page/decisions?after=0", holds=lambda found: found.json()["decisions"]
    ).json()
    newest = page["decisions"][0]
    names = "end_to_end_id phase received_at outcome score amount_centavos payer payee reasons"
    assert set(newest) == set(names.split())
    assert re.fullmatch(r"[0-9a-f]{8}", newest["payer"])
    assert sum(page["counts"].values()) >= len(page["decisions"]) >= 1
    client.cookies = {}
    assert client.get(link).status_code == 401
    assert client.get("/page/decisions").status_code == 401
    assert "/static/page.js" not in client.get("/").text


@pytest.mark.parametrize("token", ["", "x", "x" * 200, "%00", "é"])
def test_a_token_nobody_made_opens_nothing(stranger: Caller, token: str) -> None:
    answer = stranger.get("/open", params={"token": token})
    assert answer.status_code in {401, 422}
    assert "set-cookie" not in answer.headers


def test_every_answer_of_the_page_forbids_inline_script(stranger: Caller) -> None:
    for path in ("/", "/static/page.js", "/page/decisions", "/health/live", "/nope"):
        policy = stranger.get(path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


def test_the_page_has_no_inline_script_and_never_makes_markup_of_data() -> None:
    templates = STATIC.parent / "pages" / "templates"
    for html in (*sorted(templates.iterdir()), STATIC / "locked.html"):
        text = html.read_text(encoding="utf-8")
        assert not re.findall(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"\son\w+=|style=|https?://", text)
    script = (STATIC / "page.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", script)


def test_the_document_holds_the_hot_routes_and_its_examples_are_valid(client: Caller) -> None:
    document = client.get("/openapi.json").json()
    assert {"post"} <= set(document["paths"]["/v1/decisions"])
    assert {"post"} == set(document["paths"]["/predict"])
    example = document["paths"]["/v1/decisions"]["post"]["requestBody"]["content"][
        "application/json"
    ]["example"]
    msgspec.convert(example, DecisionBody)
    answer = client.post("/v1/decisions", json=example)
    assert answer.status_code == 200
    msgspec.json.decode(answer.content, type=DecisionAnswer)
    report = document["paths"]["/v1/reports"]["post"]["requestBody"]["content"]["application/json"]
    msgspec.convert(report["example"], ReportBody)
    assert client.post("/v1/reports", json=report["example"]).status_code == 200


def test_every_reference_of_the_document_leads_somewhere(client: Caller) -> None:
    text = client.get("/openapi.json").text
    document = json.loads(text)
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        place = document
        for part in reference.split("/"):
            place = place[part]


def test_a_slow_disk_costs_a_503_and_a_repeat_finds_the_answer(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = transfer()
    with monkeypatch.context() as patched:
        patched.setattr(hot, "_wake", lambda _ready: None)
        impatient = replace(service.app.hot._limits, answer_seconds_max=0.05)
        patched.setattr(service.app.hot, "_limits", impatient)
        late = client.post("/v1/decisions", json=body)
    assert (late.status_code, late.json()["code"]) == (503, "LOG_UNAVAILABLE")
    assert late.headers["retry-after"] == "1"
    assert client.post("/v1/decisions", json=body).status_code == 200


def test_too_many_requests_at_once_are_told_to_come_back(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.hot, "_flying", 64)
    answer = client.post("/v1/decisions", json=transfer())
    assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/decisions"),
        ("POST", "/v1/reports"),
        ("POST", "/v1/events/login.v1"),
        ("POST", "/predict"),
        ("GET", "/v1/model"),
    ],
)
def test_a_query_that_nobody_reads_is_refused(client: Caller, method: str, path: str) -> None:
    answer = client.request(method, f"{path}?dry_run=true")
    assert (answer.status_code, answer.json()["code"]) == (422, "FIELD_UNKNOWN")
    assert "dry_run" in answer.json()["found"]


@pytest.mark.parametrize(
    "path", ["/v1/decisions", "/v1/reports", "/v1/events/login.v1", "/predict"]
)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-encoding", "gzip"),
        ("content-type", "application/json; charset=latin-1"),
        ("content-type", "text/json"),
    ],
)
def test_a_body_in_another_coding_is_refused_and_not_misread(
    client: Caller, path: str, name: str, value: str
) -> None:
    headers = {"content-type": "application/json", name: value}
    answer = client.post(path, content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (415, name)


def test_a_body_may_say_that_it_is_utf_8_and_plain(client: Caller) -> None:
    headers = {"content-type": 'application/json; charset="UTF-8"', "content-encoding": "identity"}
    answer = client.post("/v1/decisions", content=json.dumps(transfer()), headers=headers)
    assert answer.status_code == 200


def test_a_refusal_speaks_of_json_and_never_of_python(client: Caller) -> None:
    for changes, found in (
        ({"amount_centavos": "1"}, "a string"),
        ({"amount_centavos": None}, "null"),
        ({"payer_account_id": 7}, "an integer"),
        ({"payer_account_id": []}, "an array"),
        ({"device_id": {}}, "an object"),
        ({"received_at": "2099-13-01T00:00:00Z"}, '"2099-13-01T00:00:00Z"'),
        ({"received_at": "1999-11-01T00:00:00Z"}, '"1999-11-01T00:00:00Z"'),
        ({"received_at": "2026-11-23T11:00:00Z"}, '"2026-11-23T12:00:00Z"'),
    ):
        problem = client.post("/v1/decisions", json=transfer(**changes)).json()
        assert problem["found"] == found, changes
        assert not re.search(r"\b(?:str|int|dict|list|NoneType|None|True)\b", problem["detail"])


def test_a_receipt_is_not_taken_where_the_log_has_a_wall_clock(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.decisions.clock, "kind", ClockKind.WALL)
    body = transfer(received_at="2026-11-23T12:00:00Z")
    report = {"report_id": "w", **{name: body[name] for name in ("end_to_end_id", "received_at")}}
    for path, sent in (("/v1/decisions", body), ("/v1/reports", report)):
        answer = client.post(path, json=sent)
        assert (answer.status_code, answer.json()["field"]) == (422, "received_at")


def test_as_many_rows_as_are_promised_fit_into_a_body(service: Service) -> None:
    row = dict.fromkeys(service.decisions.bundle.artifact.input_names, -1.2345678901234567e-100)
    limits = service.app.hot._limits
    assert len(json.dumps([row] * limits.predict_rows_max)) <= limits.predict_bytes_max


def test_a_fault_of_ours_is_told_without_its_details(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret detail")

    with monkeypatch.context() as patched:
        patched.setattr(type(service.decisions), "decide", fault)
        patched.setattr(type(service.decisions), "find", fault)
        client.forgiving = True
        warm = client.post("/v1/decisions", json=transfer())
        cold = client.get("/v1/decisions/E12345678202611231200neverMade00")
    for answer in (warm, cold):
        assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
        assert "secret" not in answer.text
    assert "crivo_faults_total{" in client.get("/metrics").text


def test_every_metric_of_the_catalogue_has_a_producer(
    service: Service, client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = transfer()
    for _ in range(2):
        client.post("/v1/decisions", json=body)
    client.post("/v1/decisions", json={**body, "amount_centavos": 1})
    client.post("/v1/reports", json={"report_id": "metric", "end_to_end_id": body["end_to_end_id"]})
    client.post("/v1/events/login.v1", json=EVENT_EXAMPLE)
    client.post("/v1/reviews", json={"end_to_end_id": body["end_to_end_id"]})
    done = {"event": "cancelled", "occurred_at": body["occurred_at"]}
    told = client.post(f"/v1/decisions/{body['end_to_end_id']}/events", json=done)
    assert told.status_code == 200, told.text
    names = [entry["name"] for entry in client.get("/v1/model").json()["signature"]]
    client.post("/predict", json=dict.fromkeys(names))
    # A clock that leaps past the deadline: the answer is the degraded policy's.
    monkeypatch.setattr(
        service.decisions._judge, "_monotonic_ns", lambda: time.perf_counter_ns() + 10**12
    )
    degraded = client.post("/v1/decisions", json=transfer()).json()
    assert (degraded["degraded"], degraded["score"]) == (["TIMEOUT"], None)
    service.metrics.policy_reloaded("adopted")
    service.metrics.hold_ended("REJECT")
    # Workers, inboxes and jobs of Spark are processes of their own, whose tests read their metrics.
    for tell in BY_HAND.values():
        tell(service.metrics)
    service.metrics.webhooks_reloaded("adopted")
    service.metrics.webhooks_behind(0)
    service.metrics.webhooks_wait("cases", 0, 0)
    service.metrics.webhook_tried("cases", "delivered", 0.1)
    until(
        client,
        "/metrics",
        holds=lambda _: service.metrics.touched() == {metric.name for metric in CATALOGUE},
        seconds=60,
    )


def test_late_transfers_are_told(service: Service, client: Caller) -> None:
    def late() -> float:
        found = re.search(
            r"^crivo_transfers_late (\S+)$", client.get("/metrics").text, re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    before = service.decisions.counts.late
    for received_at in ("2026-11-23T13:00:00Z", "2026-11-23T13:00:00.000001Z"):
        body = transfer(occurred_at="2026-11-23T12:00:00Z", received_at=received_at)
        assert client.post("/v1/decisions", json=body).status_code == 200
    assert service.decisions.counts.late == before + 1
    until(client, "/metrics", holds=lambda _: late() == before + 1)


def test_the_catalogue_is_well_formed_and_rendered_whole() -> None:
    text = Metrics().render().decode()
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert re.fullmatch(r"crivo_[a-z_]+", metric.name)
        assert metric.meaning.endswith(".")
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.edges)
        assert list(metric.edges) == sorted(set(metric.edges))
        assert f"# TYPE {metric.name} {metric.kind}" in text


def test_the_route_of_a_metric_is_never_the_callers_text(client: Caller) -> None:
    client.get("/hostile/path/with/everything")
    client.get("/v1/decisions/E12345678202611231200hostile0000")
    text = client.get("/metrics").text
    assert "hostile" not in text
    assert 'route="/v1/decisions/{end_to_end_id}"' in text
    codes = set(re.findall(r'code="([A-Z_]+)"', text))
    assert codes <= set(Code)

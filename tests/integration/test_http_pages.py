"""The pages beside the live one: what they show, who may give a verdict, what is refused."""

from __future__ import annotations

import html
import re
import time

import httpx
import pytest

from crivo.adapters.http.access import Role
from crivo.adapters.http.key_file import LOOK_NS
from crivo.bootstrap.access import new_api_key
from crivo.bootstrap.service import Service, build_service
from crivo.domain.report import ReportStatus
from crivo.flows.codec import decode_report
from crivo.flows.report import report_event_id
from crivo.flows.verdicts import verdict_report_id
from tests.e2e.homes import KEY, RISKY_CENTAVOS, settings_of
from tests.e2e.judged_homes import make_judged_home
from tests.integration.calling import Caller
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

PAGES = ("/", "/page/search", "/page/reviews", "/page/model", "/page/health")

_numbers = iter(range(10**6))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    home = make_judged_home(tmp_path_factory.mktemp("pages") / "home")
    return build_service(settings_of(home, LEDGER__CLOSE_SECONDS="0.1"))


@pytest.fixture
def client(running: Caller) -> Caller:
    """Whoever opened the page by an administrator's link."""
    return opened(running, KEY)


def opened(caller: Caller, key: str) -> Caller:
    caller.cookies = {}
    caller.headers = {"authorization": f"Bearer {key}"}
    link = caller.post("/v1/page-links").json()["path"]
    caller.headers = {}
    assert caller.get(link).status_code == 303
    return caller


def decided(client: Caller, **changes: object) -> str:
    """The id of a transfer that was decided just now, and is in the table."""
    end_to_end_id = f"E12345678202611231200pags{next(_numbers):07d}"
    client.headers = {"authorization": f"Bearer {KEY}"}
    body = {**GOOD, "end_to_end_id": end_to_end_id, **changes}
    assert client.post("/v1/decisions", json=body).status_code == 200
    client.headers = {}
    until(client, f"/page/search?id={end_to_end_id}", f"/page/decision/{end_to_end_id}")
    return end_to_end_id


def until(client: Caller, path: str, said: str) -> str:
    """A page once it says something: the table and the ledger are a moment behind."""
    deadline = time.monotonic() + 300
    while True:
        answer = client.get(path)
        if said in answer.text:
            return answer.text
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.02)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_both_languages(client: Caller, path: str) -> None:
    portuguese, english = client.get(path), client.get(f"{path}?lang=en")
    assert (portuguese.status_code, english.status_code) == (200, 200)
    assert '<html lang="pt-BR">' in portuguese.text
    assert '<html lang="en">' in english.text
    assert "Fila de revisão" in portuguese.text and "Review queue" in english.text
    for query in ("lang=fr", "hostile=1"):
        check_refused_to_a_person(client.get(f"{path}?{query}"), 422)


def check_refused_to_a_person(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "Não foi possível" in answer.text and "problem+json" not in answer.text


def test_whatever_a_person_asks_for_in_vain_is_answered_by_a_page(client: Caller) -> None:
    check_refused_to_a_person(client.get("/page/gone"), 404)
    check_refused_to_a_person(client.get("/page/decision/E1"), 422)
    check_refused_to_a_person(client.get("/open"), 422)
    turned = client.post("/page/model")
    check_refused_to_a_person(turned, 405)
    assert turned.headers["allow"] == "GET"
    english = client.get("/page/decision/E12345678202611231200neverMade00?lang=en").text
    assert '<html lang="en">' in english and "There is no such thing here." in english
    for path in ("/page/decisions?after=x", "/static/gone"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "application/problem+json", path


@pytest.mark.parametrize("path", [*PAGES, "/page/decision/E1", "/page/proof/E1"])
def test_nobody_without_a_session_reads_a_page(running: Caller, path: str) -> None:
    running.cookies = {}
    for headers in ({}, {"authorization": f"Bearer {KEY}"}):
        running.headers = headers
        answer = running.get(path)
        assert answer.status_code == 401
        assert "Fila de revisão" not in answer.text
        assert answer.headers["content-type"].startswith("text/html")
        assert "endereço de uso único" in answer.text


def test_the_live_pages_script_is_told_by_a_problem_that_the_session_ended(
    running: Caller,
) -> None:
    running.cookies, running.headers = {}, {}
    answer = running.get("/page/decisions")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_decisions_page_shows_facts_reasons_parts_histories_and_versions(
    client: Caller, service: Service
) -> None:
    first = decided(client, payer_account_id="whoever", payee_account_id="mule")
    other = decided(client, payer_account_id="another", payee_account_id="mule")
    last = decided(
        client,
        payer_account_id="whoever",
        payee_account_id="mule",
        amount_centavos=RISKY_CENTAVOS + 1,
    )
    text = client.get(f"/page/decision/{last}").text
    assert "R$ 10.000,01" in text and "Confirmar" in text
    assert "<svg" in text and "transfer_amount_value_now" in text
    assert service.decisions.bundle.versions.bundle in text
    payer, payee = re.split("<h2>Decisões anteriores", text)[1:]
    assert first in payer and other not in payer
    assert first in payee and other in payee
    english = client.get(f"/page/decision/{last}?lang=en").text
    assert "Step up" in english and "Earlier decisions" in english
    assert f"/page/decision/{first}?lang=en" in english


def test_a_search_finds_by_id_outcome_payer_and_payee_and_says_what_is_wrong(
    client: Caller,
) -> None:
    calm = decided(client, payer_account_id="calm", payee_account_id="shop")
    risky = decided(
        client,
        payer_account_id="calm",
        payee_account_id="strange",
        amount_centavos=RISKY_CENTAVOS + 1,
    )
    for query, found, left in (
        (f"id={calm}", calm, risky),
        ("payer=calm&outcome=STEP_UP", risky, calm),
        ("payee=shop&outcome=&payer=", calm, risky),
        ("payer=calm&payee=strange", risky, calm),
    ):
        text = client.get(f"/page/search?{query}").text
        assert found in text, query
        assert f"/page/decision/{left}" not in text, query
    refused = client.get("/page/search?from=yesterday&lang=en")
    assert refused.status_code == 422
    assert "TIME_INVALID" in refused.text and "<html" in refused.text
    assert client.get("/page/decision/E12345678202611231200neverMade00").status_code == 404
    for kind in ("decision", "proof"):
        refused = client.get(f"/page/{kind}/{calm}?phase=later")
        assert refused.status_code == 422
        assert "initiation, settlement" in refused.text and "<html" in refused.text


def test_pages_of_a_search_follow_each_other(client: Caller) -> None:
    made = [decided(client, payer_account_id="regular") for _ in range(53)]
    first = client.get("/page/search?payer=regular").text
    older = html.unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    second = client.get(older).text
    seen = [re.findall(r'href="/page/decision/(\w+)"', text) for text in (first, second)]
    assert [*seen[0], *seen[1]] == made[::-1]
    assert 'rel="next"' not in second


def test_the_proof_of_a_decision_is_shown_once_it_is_sealed(client: Caller) -> None:
    made = decided(client)
    text = until(client, f"/page/proof/{made}", "Provado")
    assert len(re.findall(r"\b[0-9a-f]{64}\b", text)) >= 3


def test_each_phase_has_a_proof_of_its_own(client: Caller) -> None:
    made = decided(client)
    first = until(client, f"/page/proof/{made}", "Provado")
    assert f'href="/page/decision/{made}"' in first
    second = f"/page/proof/{made}?phase=settlement"
    assert client.get(second).status_code == 404, "it was initiated alone"
    client.headers = {"authorization": f"Bearer {KEY}"}
    body = {**GOOD, "end_to_end_id": made, "phase": "settlement"}
    assert client.post("/v1/decisions", json=body).status_code == 200
    client.headers = {}
    shown = until(client, second, "Provado")
    assert html.escape(f"/page/decision/{made}?phase=settlement") in shown
    assert html.escape(second) in client.get(f"/page/decision/{made}?phase=settlement").text
    records = [re.search(r"\b[0-9a-f]{64}\b", text)[0] for text in (first, shown)]
    assert records[0] != records[1], "each proves another record"


def test_hostile_text_stays_text(client: Caller) -> None:
    attack = '"><script>alert(1)</script>'
    answer = client.get("/page/search", params={"payer": attack})
    assert "<script>alert" not in answer.text
    refused = client.get("/page/search", params={"from": attack})
    assert refused.status_code == 422
    assert "<script>alert" not in refused.text


def token_of(text: str) -> str:
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', text)[1]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("fraud", ReportStatus.ACCEPTED), ("legitimate", ReportStatus.REJECTED)],
)
def test_a_verdict_becomes_a_label_in_the_log_and_leaves_the_queue(
    client: Caller, service: Service, verdict: str, status: ReportStatus
) -> None:
    made = decided(client, amount_centavos=RISKY_CENTAVOS + 1)
    queue = until(client, "/page/reviews", made)
    form = {"csrf": token_of(queue), "id": made, "verdict": verdict}
    answer = client.post("/page/verdicts?lang=en", data=form)
    back = f"/page/reviews?verdict={made}&lang=en"
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    stored = service.home.reader.find(report_event_id(verdict_report_id(made)))
    assert decode_report(stored.event.payload).status is status
    assert made not in client.get("/page/reviews").text
    # The first verdict stands; the same once more changes nothing.
    assert client.post("/page/verdicts", data=form).status_code == 303
    other = {"fraud": "legitimate", "legitimate": "fraud"}[verdict]
    assert client.post("/page/verdicts", data={**form, "verdict": other}).status_code == 409


def test_a_form_of_another_session_a_wrong_word_and_an_unknown_id_are_refused(
    client: Caller, service: Service
) -> None:
    made = decided(client, amount_centavos=RISKY_CENTAVOS + 1)
    stolen = token_of(until(client, "/page/reviews", made))
    form = {"csrf": stolen, "id": made, "verdict": "fraud"}
    opened(client, KEY)
    for changed, status in (
        ({}, 403),
        ({"csrf": ""}, 403),
        ({"csrf": "é"}, 403),
        ({"csrf": token_of(client.get("/page/reviews").text), "verdict": "maybe"}, 422),
        ({"csrf": token_of(client.get("/page/reviews").text), "id": "E1"}, 422),
    ):
        assert client.post("/page/verdicts", data={**form, **changed}).status_code == status
    assert client.post("/page/verdicts", content=b"x" * 5_000).status_code == 413
    assert service.home.reader.find(report_event_id(verdict_report_id(made))) is None


def test_an_auditor_reads_the_queue_and_gives_no_verdict(
    client: Caller, service: Service, running: Caller
) -> None:
    made = decided(client, amount_centavos=RISKY_CENTAVOS + 1)
    own = token_of(until(client, "/page/reviews", made))
    key = new_api_key(service.home.settings, "auditor", Role.AUDITOR)
    time.sleep(2 * LOOK_NS / 1e9)
    auditor = opened(running, key)
    text = auditor.get("/page/reviews").text
    assert made in text and "csrf" not in text
    form = {"csrf": own, "id": made, "verdict": "fraud"}
    assert auditor.post("/page/verdicts", data=form).status_code == 403


def test_the_model_page_draws_the_rows_that_judged_the_model(
    client: Caller, service: Service
) -> None:
    text = client.get("/page/model").text
    artifact = service.decisions.bundle.artifact
    assert artifact.hash in text
    assert text.count("<svg") == 2
    value = artifact.metadata["metrics"]["lightgbm"]["average_precision"][0]
    assert f"{value:.4g}".replace(".", ",") in text


def test_health_says_that_it_is_ready_and_how_far_the_table_is(client: Caller) -> None:
    text = client.get("/page/health?lang=en").text
    assert "Ready: it decides transfers." in text
    assert "Events that the table has not read yet" in text

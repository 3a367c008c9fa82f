"""The queue's page: requests for review with their mark, answered in the name of the key; pages."""

from __future__ import annotations

import html
import re
import time

import pytest

from crivo.adapters.http.access import Role
from crivo.adapters.http.key_file import LOOK_NS
from crivo.bootstrap.access import new_api_key
from crivo.bootstrap.service import Service, build_service
from crivo.flows import verdicts
from crivo.flows.codec import decode_report
from crivo.flows.report import report_event_id
from crivo.flows.verdicts import verdict_report_id
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.page_trees import said as said_of
from tests.integration.page_trees import tree
from tests.integration.test_http_pages import decided, opened, token_of, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return build_service(settings_of(make_home(tmp_path_factory.mktemp("queue") / "home")))


@pytest.fixture
def analyst(running: Caller, service: Service) -> Caller:
    """Whoever opened the page by the link of Ana's key."""
    key = new_api_key(service.home.settings, f"ana-{time.monotonic_ns()}", Role.ANALYST)
    time.sleep(2 * LOOK_NS / 1e9)
    return opened(running, key)


def asked_for(client: Caller, side: str = "PAYER", **changes: object) -> str:
    """The id of a decision whose review was just asked for."""
    made = decided(client, **changes)
    client.headers = {"authorization": f"Bearer {KEY}"}
    body = {"end_to_end_id": made, "side": side}
    assert client.post("/v1/reviews", json=body).status_code == 200
    client.headers = {}
    return made


def requests_of(text: str) -> str:
    """The section of what was asked for."""
    return text.split('id="requests-title"')[1].split("</section>", maxsplit=1)[0]


def steps_of(client: Caller, made: str) -> list[dict[str, object]]:
    client.headers = {"authorization": f"Bearer {KEY}"}
    steps = client.get(f"/v1/reviews/{made}").json()["steps"]
    client.headers = {}
    return steps


@pytest.mark.parametrize(("side", "said"), [("PAYER", "Pagador"), ("PAYEE", "Recebedor")])
@pytest.mark.parametrize("result", ["UPHELD", "CHANGED"])
def test_a_request_is_marked_answered_in_the_name_of_the_key_and_leaves(
    analyst: Caller, side: str, said: str, result: str
) -> None:
    made = asked_for(analyst, side)
    text = until(analyst, "/page/reviews", made)
    asked = requests_of(text)
    assert said in asked and made in asked
    form = {"csrf": token_of(text), "id": made, "side": side, "result": result}
    form["phase"] = "initiation"
    answer = analyst.post("/page/answers?lang=en", data=form)
    assert answer.status_code == 303
    back = tree(analyst.get(answer.headers["location"]).text)
    done = back.find(".//p[@id='done']")
    assert done.get("role") == "status" and "autofocus" in done.attrib
    assert said_of(done) == (
        f"Answer recorded: {'Upheld' if result == 'UPHELD' else 'Changed'} · {made}"
    )
    assert made not in analyst.get("/page/reviews").text
    last = steps_of(analyst, made)[-1]
    assert (last["status"], last["side"], last["result"]) == ("ANSWERED", side, result)
    assert str(last["reviewer"]).startswith("key:ana-")
    # The first answer stands; the same once more changes nothing.
    assert analyst.post("/page/answers", data=form).status_code == 303
    other = {"UPHELD": "CHANGED", "CHANGED": "UPHELD"}[result]
    assert analyst.post("/page/answers", data={**form, "result": other}).status_code == 409


def test_a_verdict_says_who_gave_it_and_another_repeats_it_in_vain(
    analyst: Caller, service: Service
) -> None:
    made = decided(analyst, amount_centavos=RISKY_CENTAVOS + 1)
    form = {"id": made, "verdict": "fraud"}
    for key in (None, KEY):
        client = analyst if key is None else opened(analyst, key)
        csrf = token_of(client.get("/page/reviews").text) if key is None else csrf_of_any(client)
        assert client.post("/page/verdicts", data={**form, "csrf": csrf}).status_code == 303
        stored = service.home.reader.find(report_event_id(verdict_report_id(made)))
        given = decode_report(stored.event.payload)
        assert str(given.reviewer).startswith("key:ana-") and given.caller == given.reviewer


@pytest.mark.parametrize(("verdict", "word"), [("fraud", "Fraude"), ("legitimate", "Legítima")])
def test_the_queue_says_which_verdict_stands_and_nothing_of_one_that_was_not_given(
    analyst: Caller, verdict: str, word: str
) -> None:
    made = decided(analyst, amount_centavos=RISKY_CENTAVOS + 1)
    csrf = token_of(until(analyst, "/page/reviews", made))
    place = f"/page/reviews?verdict={made}"
    assert 'id="done"' not in analyst.get(place).text
    form = {"csrf": csrf, "id": made, "verdict": verdict}
    answer = analyst.post("/page/verdicts", data=form)
    assert answer.headers["location"] == place
    done = tree(analyst.get(place).text).find(".//p[@id='done']")
    assert said_of(done) == f"Veredito registrado: {word} · {made}"
    assert analyst.get("/page/reviews?verdict=E1").status_code == 422
    unasked = f"/page/reviews?answer={made}&side=PAYER&phase=initiation"
    assert 'id="done"' not in analyst.get(unasked).text


def csrf_of_any(client: Caller) -> str:
    """The token of a session whose queue holds a decision, made for it."""
    other = decided(client, amount_centavos=RISKY_CENTAVOS + 1)
    return token_of(until(client, "/page/reviews", other))


def test_what_is_no_answer_is_refused_and_an_auditor_answers_nothing(
    analyst: Caller, service: Service, running: Caller
) -> None:
    made = asked_for(analyst)
    csrf = token_of(until(analyst, "/page/reviews", made))
    form = {"csrf": csrf, "id": made, "side": "PAYER", "result": "UPHELD"}
    form["phase"] = "initiation"
    for changed, status in (
        ({"csrf": ""}, 403),
        ({"side": "BANK"}, 422),
        ({"phase": "later"}, 422),
        ({"result": "MAYBE"}, 422),
        ({"id": "E1"}, 422),
        ({"side": "PAYEE"}, 404),
        ({"phase": "settlement"}, 404),
    ):
        assert analyst.post("/page/answers", data={**form, **changed}).status_code == status
    key = new_api_key(service.home.settings, "auditor", Role.AUDITOR)
    time.sleep(2 * LOOK_NS / 1e9)
    auditor = opened(running, key)
    text = auditor.get("/page/reviews").text
    assert made in text and "csrf" not in text
    assert auditor.post("/page/answers", data=form).status_code == 403
    assert len(steps_of(auditor, made)) == 1


def test_all_that_waits_is_reached_by_pages_that_follow_each_other(
    analyst: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {decided(analyst, amount_centavos=RISKY_CENTAVOS + 1) for _ in range(7)}
    monkeypatch.setattr(verdicts, "PAGE", 3)
    monkeypatch.setattr("crivo.adapters.http.pages.queue.REQUESTS", 1)
    seen: list[str] = []
    path = "/page/reviews?lang=en"
    for _ in range(50):
        text = analyst.get(path).text
        queue = text.split('id="queue-title"')[1]
        seen += re.findall(r'href="/page/decision/(\w+)', queue)
        link = re.search(r'rel="next" href="([^"]+)"', queue)
        if link is None:
            break
        path = html.unescape(link[1])
    assert made <= set(seen)
    assert len(seen) == len(set(seen))
    asked = [asked_for(analyst) for _ in range(2)]
    text, found = analyst.get("/page/reviews").text, set()
    while link := re.search(r'<a href="(/page/reviews\?skip=\d+)"', text):
        found |= set(re.findall(r'href="/page/decision/(\w+)', requests_of(text)))
        text = analyst.get(link[1]).text
    found |= set(re.findall(r'href="/page/decision/(\w+)', requests_of(text)))
    assert set(asked) <= found


@pytest.mark.parametrize("query", ["cursor=x", "skip=-1", "skip=1e3", "skip=9999999999"])
def test_a_place_that_is_none_is_refused(analyst: Caller, query: str) -> None:
    assert analyst.get(f"/page/reviews?{query}").status_code == 422

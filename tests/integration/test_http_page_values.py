"""What a page shows is what the record holds and the API says: value by value, in its own place."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from crivo.adapters.http.pages.words import word
from crivo.bootstrap.ledger import evidence, ledger_folder
from crivo.bootstrap.service import Service, build_service
from crivo.decision.reason_texts import Language
from crivo.decision.record import decision_event_id, decode_record, transfer_of
from crivo.domain.report import ReportStatus
from crivo.flows.codec import decode_report
from crivo.flows.report import report_event_id
from crivo.flows.verdicts import verdict_report_id
from crivo.governance.merkle import leaf_hash, root_of_path
from tests.e2e.homes import KEY, RISKY_CENTAVOS, settings_of
from tests.e2e.judged_homes import make_judged_home
from tests.integration.calling import Caller
from tests.integration.page_trees import facts, rows, said, section, tree
from tests.integration.test_http_pages import decided, opened, token_of, until
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

BOTH = [Language.PT, Language.EN]
RISKY = RISKY_CENTAVOS + 1


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    home = make_judged_home(tmp_path_factory.mktemp("values") / "home")
    return build_service(settings_of(home, LEDGER__CLOSE_SECONDS="0.1"))


@pytest.fixture
def client(running: Caller) -> Caller:
    return opened(running, KEY)


def asked(client: Caller, path: str) -> Any:
    """What the API answers."""
    client.headers = {"authorization": f"Bearer {KEY}"}
    answer = client.get(path)
    client.headers = {}
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(client: Caller, path: str, language: Language = Language.PT, **query: str) -> Element:
    """The page's tree."""
    answer = client.get(path, params={**query, "lang": language.value})
    assert answer.status_code == 200, answer.text
    return tree(answer.text)


def on_brasilias_clock(instant: str) -> str:
    """An instant of the API as pages show it."""
    return f"{datetime.fromisoformat(instant) - timedelta(hours=3):%Y-%m-%d %H:%M:%S}"


def decisions_of(found: Element) -> list[str]:
    """The ids of a list of decisions, in its order; none where it has no table."""
    return [row["EndToEndId"] for row in rows(found)] if found.find(".//table") is not None else []


@pytest.mark.parametrize("language", BOTH)
def test_a_decisions_facts_are_those_of_its_record(
    client: Caller, service: Service, language: Language
) -> None:
    made = decided(client, payer_account_id="ana", payee_account_id="bia", amount_centavos=RISKY)
    answer = asked(client, f"/v1/decisions/{made}")
    stored = service.home.reader.find(decision_event_id(made))
    transfer = transfer_of(decode_record(stored.event.payload))
    page = shown(client, f"/page/decision/{made}", language)
    assert (
        said(page.find(".//h2[@id='facts-title']"))
        == (
            {
                Language.PT: "Confirmar · R$ 10.000,01 · 50,00 %",
                Language.EN: "Step up · R$ 10.000,01 · 50.00 %",
            }
        )[language]
    )
    assert (answer["outcome"], answer["score"]) == ("STEP_UP", 499_998_720)
    told = facts(page.find(".//section[@aria-labelledby='facts-title']"))
    payer, payee = transfer.payer_id.hex()[:8], transfer.payee_id.hex()[:8]
    assert payer != payee
    assert told[word("payer", language)] == payer
    assert told[word("payee", language)] == payee
    assert told[word("as_of", language)] == str(answer["as_of"])
    assert answer["standing"] == "CHALLENGED"
    standings = {Language.PT: "espera confirmação", Language.EN: "challenged"}
    assert told[word("standing", language)] == standings[language]
    phases = {Language.PT: "iniciação", Language.EN: "initiation"}
    assert told[word("phase", language)] == phases[language]
    assert told[word("occurred_at", language)] == "2026-11-23 09:00:00"
    assert told[word("received_at", language)] == on_brasilias_clock(answer["received_at"])
    names = {Language.PT: "pacote", Language.EN: "bundle"}
    versions = facts(section(page, word("versions", language)))
    assert list(versions.values()) == list(answer["versions"].values())
    assert versions[names[language]] == answer["versions"]["bundle"]


@pytest.mark.parametrize("language", BOTH)
def test_a_decisions_reasons_are_its_own_in_the_language_that_is_read(
    client: Caller, language: Language
) -> None:
    calm = decided(client, payer_account_id="calmly")
    risky = decided(client, payer_account_id="boldly", amount_centavos=RISKY)
    for made in (calm, risky):
        reasons = asked(client, f"/v1/decisions/{made}")["reasons"]
        page = section(shown(client, f"/page/decision/{made}", language), word("reasons", language))
        found = [(said(each.find("code")), said(each)) for each in page.iterfind("ul/li")]
        text = "text_pt" if language is Language.PT else "text_en"
        assert found == [(each["code"], f"{each['code']} {each[text]}") for each in reasons]
    assert reasons, "a risky one has some"
    assert all(each["text_pt"] != each["text_en"] for each in reasons)


@pytest.mark.parametrize("centavos", [12_500, RISKY])
def test_what_each_input_added_is_what_the_explanation_says_with_its_sign(
    client: Caller, centavos: int
) -> None:
    made = decided(client, payer_account_id="signed", amount_centavos=centavos)
    told = asked(client, f"/v1/decisions/{made}/explanation")
    adding = [each for each in told["inputs"] if each["contribution"]]
    assert [each["contribution"] > 0 for each in adding] == [centavos == RISKY]
    page = section(
        shown(client, f"/page/decision/{made}", Language.EN), word("contributions", Language.EN)
    )
    assert rows(page) == [
        {
            "Input": each["name"],
            "Value": {12_500: "12,500", RISKY: "1,000,001"}[each["value"]],
            "Added": f"{each['contribution']:+.3f}",
            "Meaning": each["meaning"],
        }
        for each in adding
    ]
    texts = [said(each) for each in page.iterfind(".//svg/text")]
    portuguese = section(
        shown(client, f"/page/decision/{made}"), word("contributions", Language.PT)
    )
    assert [
        (row["Dado"], row["Valor"], row["Somou"], row["Significado (em inglês)"])
        for row in rows(portuguese)
    ] == [
        (
            each["name"],
            {12_500: "12.500", RISKY: "1.000.001"}[each["value"]],
            f"{each['contribution']:+.3f}".replace(".", ","),
            each["meaning"],
        )
        for each in adding
    ]
    drawn = [said(each) for each in portuguese.iterfind(".//svg/text")]
    assert f"{told['base']:+.2f}".replace(".", ",") in drawn
    bars = [("base", told["base"]), *((each["name"], each["contribution"]) for each in adding)]
    assert texts[-2 * len(bars) :] == [
        part for name, value in bars for part in (name, f"{value:+.2f}")
    ]
    # The base lowers the risk here: what it leaves at its end, what raises the risk begins at.
    spans = [
        (float(each.get("x")), float(each.get("width"))) for each in page.iterfind(".//svg/rect")
    ]
    middle = sum(spans[0])
    assert told["base"] < 0
    for (start, width), (_, value) in zip(spans, bars, strict=True):
        assert (start == middle) if value > 0 else (start + width == middle)


def followed_of(client: Caller, made: str, language: Language) -> list[str]:
    page = section(shown(client, f"/page/decision/{made}", language), word("events", language))
    return [said(each)[len("2026-11-23 09:00:00 ") :] for each in page.iterfind("ul/li")]


def told(client: Caller, path: str, body: dict[str, Any]) -> None:
    client.headers = {"authorization": f"Bearer {KEY}"}
    answer = client.post(path, json=body)
    client.headers = {}
    assert answer.status_code in {200, 201}, answer.text


def test_a_decisions_page_lists_what_followed_reports_reviews_and_the_verdict_with_it(
    client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = (decided(client, amount_centavos=RISKY) for _ in range(2))
    assert followed_of(client, made, Language.PT) == []
    passed = {"occurred_at": GOOD["occurred_at"]}
    told(client, f"/v1/decisions/{made}/events", {**passed, "event": "step_up_passed"})
    for number, status in enumerate(("CLAIMED", "ACCEPTED")):
        body = {"report_id": f"r-{made}-{number}", "status": status, "end_to_end_id": made}
        told(client, "/v1/reports", body)
    told(client, "/v1/reviews", {"end_to_end_id": made, "side": "PAYEE"})
    told(client, "/v1/reports", {"report_id": f"r-{other}", "end_to_end_id": other})
    csrf = token_of(until(client, "/page/reviews", made))
    form = {"csrf": csrf, "id": made, "verdict": "legitimate"}
    assert client.post("/page/verdicts", data=form).status_code == 303
    portuguese = [
        "Confirmação feita setting",
        "Fraude relatada setting",
        "Relato de fraude aceito setting",
        "Revisão pedida (Recebedor) setting",
        "Veredito: Legítima setting",
    ]
    english = [
        "Step-up passed setting",
        "Fraud reported setting",
        "Report of fraud accepted setting",
        "Review asked for (Payee) setting",
        "Verdict: Legitimate setting",
    ]
    assert sorted(followed_of(client, made, Language.PT)) == sorted(portuguese)
    assert sorted(followed_of(client, made, Language.EN)) == sorted(english)
    assert followed_of(client, other, Language.EN) == ["Fraud reported setting"]
    # Where too much followed to be looked through, the page says so, and has the verdict still.
    monkeypatch.setattr("crivo.adapters.http.pages.followed.LOOKED_EVENTS_MAX", 1)
    found = followed_of(client, made, Language.EN)
    assert sorted(found) == sorted(each for each in english if "raud" not in each)
    page = client.get(f"/page/decision/{made}?lang=en").text
    assert f"crivo report decision {made}" in page


def test_each_partys_history_stands_under_its_own_heading_and_is_the_list_of_the_api(
    client: Caller,
) -> None:
    paid = decided(client, payer_account_id="eva", payee_account_id="shop-of-eva")
    other = decided(client, payer_account_id="leo", payee_account_id="landlord")
    last = decided(client, payer_account_id="eva", payee_account_id="landlord")
    page = shown(client, f"/page/decision/{last}", Language.EN)
    for name, earlier in (("payer_history", paid), ("payee_history", other)):
        assert decisions_of(section(page, word(name, Language.EN))) == [earlier], name
    found = [
        each["end_to_end_id"] for each in asked(client, "/v1/decisions?payer=eva")["decisions"]
    ]
    assert found == [last, paid]


def test_a_search_shows_what_the_api_finds_between_its_ends_and_by_its_outcome(
    client: Caller,
) -> None:
    made = [
        decided(
            client,
            payer_account_id="clocked",
            payee_account_id=f"payee-{place}",
            occurred_at=f"2026-11-23T12:0{place}:00Z",
            amount_centavos=12_345 + place + RISKY_CENTAVOS * (place % 2),
        )
        for place in range(4)
    ]
    start, end = "2026-11-23T12:01:00Z", "2026-11-23T12:03:00Z"
    for query, expected in (
        ({"from": start}, made[1:]),
        ({"to": end}, made[:3]),
        ({"from": start, "to": end}, made[1:3]),
        ({"outcome": "STEP_UP"}, made[1::2]),
        ({"outcome": "ALLOW"}, made[::2]),
        ({"outcome": "HOLD"}, []),
        ({"payee": "payee-2"}, made[2:3]),
        ({"payee": "payee-2", "to": "2026-11-23T12:02:00Z"}, []),
    ):
        page = section(shown(client, "/page/search", payer="clocked", **query), "Encontradas")
        assert sorted(decisions_of(page)) == sorted(expected), query
        if "payee" not in query:
            names = "&".join(f"{name}={value}" for name, value in query.items())
            listed = asked(client, f"/v1/decisions?payer=clocked&{names}")["decisions"]
            assert decisions_of(page) == [each["end_to_end_id"] for each in listed], query


@pytest.mark.parametrize(
    ("language", "calm", "risky"),
    [
        (Language.PT, ("Liberar", "0,00 %", "R$ 125,00"), ("Confirmar", "50,00 %", "R$ 10.000,01")),
        (Language.EN, ("Allow", "0.00 %", "R$ 125,00"), ("Step up", "50.00 %", "R$ 10.000,01")),
    ],
)
def test_a_line_of_a_list_has_the_time_outcome_score_amount_and_parties_of_its_record(
    client: Caller,
    service: Service,
    language: Language,
    calm: tuple[str, ...],
    risky: tuple[str, ...],
) -> None:
    for centavos, expected in ((12_500, calm), (RISKY, risky)):
        made = decided(
            client, payer_account_id="line", payee_account_id="end", amount_centavos=centavos
        )
        stored = service.home.reader.find(decision_event_id(made))
        transfer = transfer_of(decode_record(stored.event.payload))
        page = shown(client, "/page/search", language, id=made)
        (line,) = rows(section(page, word("found", language)))
        assert (
            tuple(line[word(name, language)] for name in ("outcome", "score", "amount")) == expected
        )
        received = asked(client, f"/v1/decisions/{made}")["received_at"]
        assert line[word("time", language)] == on_brasilias_clock(received)
        sides = [each.hex()[:8] for each in (transfer.payer_id, transfer.payee_id)]
        assert line[word("parties", language)] == " → ".join(sides)


def test_the_proof_that_is_shown_leads_from_the_stored_record_to_the_segments_root(
    client: Caller, service: Service
) -> None:
    made = decided(client)
    decided(client)
    until(client, f"/page/proof/{made}", "Provado")
    page = shown(client, f"/page/proof/{made}", Language.EN)
    told = facts(page)
    (own,) = (
        each
        for each in evidence(ledger_folder(service.home.settings))
        if (each.segment.partition, each.segment.number)
        == (int(told["Partition"]), int(told["Segment"]))
    )
    segment, offset = own.segment, int(told["Offset"])
    assert told["Merkle root"] == segment.root.hex()
    assert told["Signer's key"] == segment.signer.hex()
    record = service.home.reader.stored_record(decision_event_id(made))
    assert (segment.partition, offset) == (record.partition, record.offset)
    assert told["SHA-256 of the record"] == hashlib.sha256(record.data).hexdigest()
    path = [bytes.fromhex(said(each)) for each in page.iterfind(".//ol/li")]
    place = offset - segment.first_offset
    root = root_of_path(leaf_hash(record.data), index=place, count=segment.count, path=path)
    assert root == segment.root


@pytest.mark.parametrize(
    ("button", "status"),
    [("Fraude", ReportStatus.ACCEPTED), ("Legítima", ReportStatus.REJECTED)],
)
def test_a_button_of_the_queue_gives_the_verdict_that_it_names(
    client: Caller, service: Service, button: str, status: ReportStatus
) -> None:
    made = decided(client, amount_centavos=RISKY)
    queue = tree(until(client, "/page/reviews", made))
    (form,) = (
        each
        for each in queue.iter("form")
        if made in [field.get("value") for field in each.iter("input")]
    )
    fields = {each.get("name"): each.get("value") for each in form.iter("input")}
    (pressed,) = (each for each in form.iter("button") if said(each) == button)
    assert pressed.get("aria-label") == f"{button}: {made}"
    fields[pressed.get("name")] = pressed.get("value")
    assert client.post(form.get("action"), data=fields).status_code == 303
    stored = service.home.reader.find(report_event_id(verdict_report_id(made)))
    report = decode_report(stored.event.payload)
    assert (report.status, report.end_to_end_id) == (status, made)


def test_the_queue_shows_what_waits_with_its_own_score_amount_and_outcome(client: Caller) -> None:
    made = decided(client, payer_account_id="queued", amount_centavos=RISKY + 2)
    queue = tree(until(client, "/page/reviews", made))
    found = {row["EndToEndId"]: row for row in rows(section(queue, word("queue", Language.PT)))}
    line = found[made]
    assert (line["Resultado"], line["Risco"], line["Valor"]) == (
        "Confirmar",
        "50,00 %",
        "R$ 10.000,03",
    )


def test_the_stream_has_the_newest_first_and_each_with_its_own_reasons(client: Caller) -> None:
    before = client.get("/page/decisions").json()["after"]
    made = [decided(client, amount_centavos=centavos) for centavos in (12_500, RISKY, 700)]
    page = client.get("/page/decisions", params={"after": before}).json()
    assert [each["end_to_end_id"] for each in page["decisions"]] == made[::-1]
    for each in page["decisions"]:
        answer = asked(client, f"/v1/decisions/{each['end_to_end_id']}")
        for name in ("outcome", "score", "reasons", "received_at", "phase"):
            assert each[name] == answer[name], name
    assert [each["amount_centavos"] for each in page["decisions"]] == [700, RISKY, 12_500]
    newer = decided(client)
    later = client.get("/page/decisions", params={"after": page["after"]}).json()
    assert [each["end_to_end_id"] for each in later["decisions"]] == [newer]

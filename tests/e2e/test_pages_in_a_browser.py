"""Every page in a real browser: both languages, day and night, keyboard, axe-core, pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Watched, serious_faults
from tests.e2e.homes import RISKY_CENTAVOS
from tests.e2e.judged_homes import make_judged_home
from tests.e2e.serving import Served, serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: Decisions that the pages have to show.
DECIDED = 24


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    home = make_judged_home(tmp_path_factory.mktemp("pages") / "home")
    with serving(home, LEDGER__CLOSE_SECONDS="0.1") as running:
        with running.client() as client:
            for number in range(DECIDED):
                is_risky = number % 4 == 3
                body = {
                    **GOOD,
                    "end_to_end_id": id_of(number),
                    "payer_account_id": f"payer-{number % 3}",
                    "payee_account_id": f"payee-{number % 5}",
                    "occurred_at": f"2026-11-23T12:{2 * number:02d}:17Z",
                    "amount_centavos": 1_990 + 17_093 * number + RISKY_CENTAVOS * is_risky,
                }
                assert client.post("/v1/decisions", json=body).status_code == 200
            for number, side in ((1, "PAYER"), (2, "PAYEE")):
                asked = {"end_to_end_id": id_of(number), "side": side}
                assert client.post("/v1/reviews", json=asked).status_code == 200
        yield running


def id_of(number: int) -> str:
    return f"E12345678202611231200shot{number:07d}"


#: The elements that reach beyond the screen, for whoever mends them.
WIDEST = """[...document.querySelectorAll('main *')].filter(
    (each) => each.getBoundingClientRect().right > window.innerWidth
).map((each) => each.outerHTML.slice(0, 200)).slice(0, 5)"""


def opened(browser, served: Served, **options: object) -> Watched:
    """A page of a new session."""
    watched = Watched(browser, served, **options)
    with served.client() as client:
        link = client.post("/v1/page-links").json()["path"]
    watched.page.goto(link)
    return watched


#: Each page by the name of its picture, its path, and something of it in both languages.
PAGES = (
    ("live", "/", "Confirmar", "Step up"),
    ("search", "/page/search", "Conta do pagador", "Payer's account"),
    ("decision", f"/page/decision/{id_of(23)}", "Decisões anteriores", "Earlier decisions"),
    ("proof", f"/page/proof/{id_of(3)}", "Provado", "Proven"),
    ("reviews", "/page/reviews", "Revisões pedidas", "Reviews that were asked for"),
    ("model", "/page/model", "Limiares", "Thresholds"),
    ("health", "/page/health", "decide operações", "decides transfers"),
)


@pytest.mark.parametrize(
    ("scheme", "language", "place"),
    [(scheme, *each) for scheme in ("light", "dark") for each in (("pt", 2), ("en", 3))],
)
def test_every_page_shows_what_is_real_and_axe_finds_no_serious_fault(
    browser, served, scheme, language, place
):
    watched = opened(browser, served, color_scheme=scheme)
    page = watched.page
    for known in PAGES:
        page.goto(known[1] + ("?lang=en" if language == "en" else ""))
        expect(page.locator("main")).to_contain_text(known[place])
        if known[0] == "live":
            expect(page.locator("#decisions tr")).to_have_count(DECIDED)
        assert serious_faults(page) == [], known[0]
        assert watched.keep(f"{known[0]}-{language}-{scheme}").stat().st_size > 10_000
    assert watched.complaints == []
    assert watched.elsewhere == []


def test_a_fault_that_is_put_into_a_page_is_found(browser, served):
    page = opened(browser, served).page
    page.evaluate("document.querySelector('#only').closest('label').replaceWith("
                  "document.querySelector('#only'))")  # fmt: skip
    assert [rule for rule, _ in serious_faults(page)] == ["select-name"]


def test_a_verdict_is_given_by_the_keyboard_and_leaves_the_queue(browser, served):
    page = opened(browser, served).page
    page.goto("/page/reviews")
    queue = page.locator("section[aria-labelledby=queue-title]")
    waiting = queue.locator("tbody tr")
    before = waiting.count()
    button = page.get_by_role("button", name=f"Fraude: {id_of(7)}")
    button.focus()
    page.keyboard.press("Enter")
    expect(waiting).to_have_count(before - 1)
    expect(queue).not_to_contain_text(id_of(7))
    # What was done is said, and whoever reads by the keyboard stands there.
    expect(page.get_by_role("status")).to_have_text(f"Veredito registrado: Fraude · {id_of(7)}")
    expect(page.get_by_role("status")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/page/decision/{id_of(7)}$"))
    expect(page.locator("main")).to_contain_text("Veredito: Fraude")


def test_a_request_for_review_is_answered_by_the_keyboard_and_leaves_the_queue(browser, served):
    page = opened(browser, served).page
    page.goto("/page/reviews")
    asked = page.locator("section[aria-labelledby=requests-title] tbody tr")
    expect(asked).to_have_count(2)
    button = page.get_by_role("button", name=f"Alterada: {id_of(1)}, Pagador")
    button.focus()
    page.keyboard.press("Enter")
    expect(asked).to_have_count(1)
    expect(asked).to_contain_text("Recebedor")
    with served.client() as client:
        last = client.get(f"/v1/reviews/{id_of(1)}").json()["steps"][-1]
    # The link was asked for with the key that the settings name.
    assert (last["result"], last["reviewer"]) == ("CHANGED", "setting")


def test_a_person_gets_from_the_stream_to_a_decision_and_back_by_the_keyboard(browser, served):
    page = opened(browser, served).page
    link = page.locator("#decisions a").first
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/page/decision/E\w{31}$"))
    expect(page.locator("svg")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_search_by_form_finds_what_an_account_paid(browser, served):
    page = opened(browser, served).page
    page.goto("/page/search?lang=en")
    page.get_by_label("Payer's account").fill("payer-1")
    page.get_by_label("Outcome").select_option("STEP_UP")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_pages_fit_a_telephone(browser, served):
    page = opened(browser, served, viewport={"width": 375, "height": 700}).page
    for _, path, *_ in PAGES:
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, (path, page.evaluate(WIDEST))

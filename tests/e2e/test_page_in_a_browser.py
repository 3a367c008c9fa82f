"""The page at `/` in a real browser: what a person sees, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Watched
from tests.e2e.homes import RISKY_CENTAVOS, make_home
from tests.e2e.serving import Served, serving
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    with serving(make_home(tmp_path / "home")) as running:
        yield running


def decide(served: Served, number: int, centavos: int) -> dict[str, Any]:
    body = {
        **GOOD,
        "end_to_end_id": f"E12345678202611231200page{number:07d}",
        "amount_centavos": centavos,
    }
    with served.client() as client:
        answer = client.post("/v1/decisions", json=body)
    assert answer.status_code == 200
    return answer.json()


def on_brasilias_clock(instant: str) -> str:
    """An instant of the API as the page shows it."""
    return f"{datetime.fromisoformat(instant) - timedelta(hours=3):%Y-%m-%d %H:%M:%S}"


def told(decision: dict[str, Any], text: str) -> str:
    """The reasons of a decision as the API has them."""
    return " ".join(reason[text] for reason in decision["reasons"])


def test_a_person_sees_decisions_as_they_happen_in_both_languages(browser, served):
    watched = Watched(browser, served)
    page = watched.page
    page.goto(served.page)
    assert page.url == f"{served.address}/"
    expect(page.locator("#state")).to_have_text("Ao vivo")
    expect(page.locator("#empty")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "pt-BR"

    decide(served, 1, 12_345)
    second = decide(served, 2, RISKY_CENTAVOS + 1)
    rows = page.locator("#decisions tr:not([hidden])")
    expect(rows).to_have_count(2)
    risky, plain = rows.nth(0).locator("td"), rows.nth(1).locator("td")
    expect(risky.nth(1)).to_have_text("Confirmar")
    expect(plain.nth(1)).to_have_text("Liberar")
    # The clock is Brasília's, three hours behind; the risk a share of a hundred.
    assert risky.nth(0).inner_text() == on_brasilias_clock(second["received_at"])
    assert second["score"] == 499_998_720
    assert risky.nth(2).inner_text() == "50,00 %"
    assert re.sub(r"\s", " ", plain.nth(3).inner_text()) == "R$ 123,45"
    assert re.fullmatch(r"[0-9a-f]{8} → [0-9a-f]{8}", plain.nth(4).inner_text())
    assert risky.nth(5).inner_text() == told(second, "text_pt") != ""
    expect(page.locator("#empty")).to_be_hidden()
    expect(page.locator("#counts dd.STEP_UP")).to_have_text("1")

    # What is not asked for is not shown, and comes back.
    page.locator("#only").select_option("ALLOW")
    expect(rows).to_have_count(1)
    page.locator("#only").select_option("")
    page.locator("#contains").fill("page0000002")
    expect(rows).to_have_count(1)
    page.locator("#contains").fill("")
    expect(rows).to_have_count(2)

    # By the keyboard alone.
    page.locator("#language").focus()
    page.keyboard.press("Enter")
    expect(risky.nth(1)).to_have_text("Step up")
    expect(page.locator("#state")).to_have_text("Live")
    assert page.locator("html").get_attribute("lang") == "en"
    assert risky.nth(0).inner_text() == on_brasilias_clock(second["received_at"])
    assert risky.nth(2).inner_text() == "50.00 %"
    assert risky.nth(5).inner_text() == told(second, "text_en") != told(second, "text_pt")

    # What comes later is shown above, as what came with the page is.
    third = decide(served, 3, RISKY_CENTAVOS + 2)
    expect(rows).to_have_count(3)
    later, earlier = (rows.nth(place).locator("td") for place in (0, 1))
    assert later.nth(0).inner_text() == on_brasilias_clock(third["received_at"])
    for place in (1, 2, 5):
        assert later.nth(place).inner_text() == earlier.nth(place).inner_text(), place
    amounts = [re.sub(r"\s", " ", row.locator("td").nth(3).inner_text()) for row in rows.all()]
    assert amounts == ["R$ 10.000,02", "R$ 10.000,01", "R$ 123,45"]

    assert watched.complaints == []
    assert watched.asked and watched.elsewhere == []


def asked_twice(page: Page, wanted: str) -> None:
    """The page was answered with this id, and asked again after it had read that."""
    for _ in range(2):
        with page.expect_response(
            lambda answer: "/page/decisions" in answer.url and wanted in answer.text()
        ):
            pass


def test_a_paused_page_stays_as_it_is_and_catches_up_when_it_goes_on(browser, served):
    page = Watched(browser, served).page
    page.goto(served.page)
    decide(served, 1, 12_345)
    rows = page.locator("#decisions tr")
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Pausar").click()
    expect(page.locator("#state")).to_have_text("Em pausa")
    second = decide(served, 2, 700)
    asked_twice(page, second["end_to_end_id"])
    assert rows.count() == 1
    assert page.locator("#counts dd.ALLOW").inner_text() == "1"

    # A request that is lost meanwhile is told, and so is that the next one was not.
    page.route("**/page/decisions?*", lambda route: route.abort())
    expect(page.locator("#state")).to_have_text("Sem conexão; tentando de novo")
    page.unroute("**/page/decisions?*")
    expect(page.locator("#state")).to_have_text("Em pausa")
    assert rows.count() == 1

    page.get_by_role("button", name="Continuar").click()
    expect(rows).to_have_count(2)
    expect(page.locator("#counts dd.ALLOW")).to_have_text("2")
    expect(page.locator("#state")).to_have_text("Ao vivo")


def test_the_focus_stays_on_a_decision_while_others_come(browser, served):
    page = Watched(browser, served).page
    page.goto(served.page)
    first = decide(served, 1, 12_345)
    rows = page.locator("#decisions tr")
    expect(rows).to_have_count(1)
    page.locator("#decisions a").focus()
    decide(served, 2, 700)
    expect(rows).to_have_count(2)
    assert first["end_to_end_id"] in page.evaluate("document.activeElement.href ?? ''")


def test_the_page_comes_with_its_decisions_and_its_script_repeats_none(browser, served):
    made = [decide(served, number, 12_345 + number) for number in range(3)]
    page = Watched(browser, served).page
    page.goto(served.page)
    expect(page.locator("#state")).to_have_text("Ao vivo")
    newest = decide(served, 3, RISKY_CENTAVOS + 1)
    shown = page.locator("#decisions tr")
    expect(shown.first).to_have_attribute("data-id", newest["end_to_end_id"])
    ids = [each.get_attribute("data-id") for each in shown.all()]
    assert ids == [each["end_to_end_id"] for each in (newest, *made[::-1])]
    with_script = [each.locator("td").all_inner_texts() for each in shown.all()]

    # Without a script the same rows are there, and what asks for one is not.
    watched = Watched(browser, served, java_script_enabled=False)
    with served.client() as client:
        watched.page.goto(client.post("/v1/page-links").json()["path"])
    plain = watched.page.locator("#decisions tr")
    spaced = [[re.sub(r"\s", " ", cell) for cell in row] for row in with_script]
    assert [each.locator("td").all_inner_texts() for each in plain.all()] == spaced
    assert watched.page.locator("#counts dd").all_inner_texts() == ["3", "0", "1", "0", "0"]
    expect(watched.page.locator("noscript p")).to_be_visible()
    expect(watched.page.locator("#controls")).to_be_hidden()
    expect(watched.page.locator("#empty")).to_be_hidden()


def test_an_address_opens_the_page_once_and_no_other_browser(browser, served):
    first = Watched(browser, served).page
    first.goto(served.page)
    expect(first.locator("#state")).to_have_text("Ao vivo")
    for stranger in (Watched(browser, served).page, Watched(browser, served).page):
        assert stranger.goto(served.page).status == 401
        assert "uso único" in stranger.locator("main").inner_text()
        assert stranger.locator("#decisions").count() == 0


def test_a_page_says_when_the_service_is_gone(browser, served):
    page = Watched(browser, served).page
    page.goto(served.page)
    expect(page.locator("#state")).to_have_text("Ao vivo")
    served.stop()
    expect(page.locator("#state")).to_have_text("Sem conexão; tentando de novo")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_on_a_telephone_by_day_and_by_night(browser, served, scheme):
    watched = Watched(browser, served, color_scheme=scheme, viewport={"width": 375, "height": 700})
    page = watched.page
    page.goto(served.page)
    decide(served, 3, RISKY_CENTAVOS + 1)
    expect(page.locator("#decisions tr")).to_have_count(1)
    # The table alone may be wider than the screen: it scrolls in its own region.
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{name}")
        for name in ("color", "backgroundColor")
    )
    assert contrast(channels(ink), channels(paper)) >= 7
    assert (light(channels(paper)) > 0.5) == (scheme == "light")


def channels(colour: str) -> list[float]:
    """The red, green and blue of `rgb(…)` as the browser says it, 0 to 1."""
    return [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]


def contrast(one: list[float], other: list[float]) -> float:
    """The ratio of two colours by WCAG 2.2, 1.4.3: 4.5 may be read, 7 well."""
    lights = sorted(map(light, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def light(colour: list[float]) -> float:
    """The relative luminance by WCAG 2.2: 0 for black, 1 for white."""
    return sum(
        weight * (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4)
        for weight, each in zip((0.2126, 0.7152, 0.0722), colour, strict=True)
    )

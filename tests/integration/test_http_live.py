"""The live page's counts are of all decisions, also after a start; it comes with the newest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from crivo.adapters.http.feed import FEED_MAX
from crivo.bootstrap.service import build_service
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.calling import Caller
from tests.integration.page_trees import said, tree
from tests.integration.test_http_pages import opened, until
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: More than refill the page, every fifth of them risky.
DECIDED = FEED_MAX + 60


def served(home: Path) -> Caller:
    caller = Caller(build_service(settings_of(home)))
    caller.start()
    until(caller, "/health/ready", '"ready"')
    return caller


def counts_of(caller: Caller) -> dict[str, int]:
    return caller.get("/page/decisions").json()["counts"]


def test_counts_after_a_start_are_of_all_decisions_and_not_of_those_that_refill_the_page(
    tmp_path: Path,
) -> None:
    home = make_home(tmp_path / "home")
    first = opened(served(home), KEY)
    bodies = [
        {
            **GOOD,
            "end_to_end_id": f"E12345678202611231200live{number:07d}",
            "payer_account_id": f"payer-{number}",
            "amount_centavos": 12_345 + 2 * RISKY_CENTAVOS * (number % 5 == 0),
        }
        for number in range(DECIDED)
    ]
    first.headers = {"authorization": f"Bearer {KEY}"}
    outcomes: Counter[str] = Counter()
    for start in range(0, DECIDED, 65):
        batch = bodies[start : start + 65]
        answer = first.post("/v1/decisions:batch", json=batch).json()
        outcomes.update(each["decision"]["outcome"] for each in answer)
    assert len(outcomes) == 2 and outcomes.total() == DECIDED
    first.headers = {}
    until(first, "/page/decisions", f'"after":{DECIDED}')
    assert counts_of(first) == outcomes
    first.stop()

    again = opened(served(home), KEY)
    until(again, "/page/decisions", f'"after":{FEED_MAX}')
    assert counts_of(again) == outcomes
    page = tree(again.get("/").text)
    shown = {each.get("data-outcome"): said(each) for each in page.iterfind(".//dl/div/dd")}
    assert {name: int(text) for name, text in shown.items() if text != "0"} == outcomes
    lines = [each.get("data-id") for each in page.iterfind(".//tbody/tr")]
    assert lines == [each["end_to_end_id"] for each in bodies[: -FEED_MAX - 1 : -1]]
    again.stop()

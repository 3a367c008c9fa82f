"""Looking decisions up over HTTP: by payer, outcome and receipt, page by page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crivo.bootstrap.service import Service, build_service
from crivo.flows.decision_index import PAGE_MAX
from tests.e2e.homes import KEY, RISKY_CENTAVOS, make_home, settings_of
from tests.integration.calling import Caller, called
from tests.integration.receivers import eventually
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

PATH = "/v1/decisions"
PAYERS = ("Conta Ana", "Conta Bia")


def transfer(number: int) -> dict[str, object]:
    """Every third is a risk; both payers pay in turn, a second apart."""
    return {
        **GOOD,
        "end_to_end_id": f"E12345678202611231200find{number:07d}",
        "payer_account_id": PAYERS[number % 2],
        "amount_centavos": RISKY_CENTAVOS * 2 if number % 3 == 0 else 100 + number,
        "received_at": f"2026-11-23T12:00:{number:02d}Z",
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return build_service(settings_of(make_home(tmp_path_factory.mktemp("search") / "home")))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Caller]:
    caller = Caller(service)
    caller.start()
    caller.headers = {"authorization": f"Bearer {KEY}"}
    deadline = time.monotonic() + 900
    while caller.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for number in range(12):
        assert caller.post(PATH, json=transfer(number)).status_code == 200
    while caller.get(PATH).json()["as_of"] < 12:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield caller
    caller.stop()


def ids(answer) -> list[int]:
    """The numbers of the transfers in a page."""
    assert answer.status_code == 200, answer.text
    return [int(each["end_to_end_id"][-7:]) for each in answer.json()["decisions"]]


def test_decisions_are_listed_newest_first_as_their_answers_said(client: Caller) -> None:
    assert ids(client.get(PATH)) == list(reversed(range(12)))
    for found in client.get(PATH).json()["decisions"]:
        whole = client.get(f"{PATH}/{found['end_to_end_id']}").json()
        assert {name: found[name] for name in ("outcome", "score", "phase", "received_at")} == {
            name: whole[name] for name in ("outcome", "score", "phase", "received_at")
        }


def test_decisions_are_found_by_payer_in_clear_outcome_and_time(client: Caller) -> None:
    assert ids(client.get(PATH, params={"payer": PAYERS[1]})) == [11, 9, 7, 5, 3, 1]
    # The one spelling of an account: no blanks around it.
    assert ids(client.get(PATH, params={"payer": " Conta Bia "})) == [11, 9, 7, 5, 3, 1]
    assert ids(client.get(PATH, params={"payer": "Conta Caio"})) == []
    span = {"from": "2026-11-23T12:00:03Z", "to": "2026-11-23T12:00:06Z"}
    assert ids(client.get(PATH, params=span)) == [5, 4, 3]
    allowed = ids(client.get(PATH, params={"outcome": "ALLOW"}))
    others = [
        number
        for outcome in ("WARN", "STEP_UP", "HOLD", "REJECT")
        for number in ids(client.get(PATH, params={"outcome": outcome}))
    ]
    assert others
    assert sorted(allowed + others) == list(range(12))


def test_pages_lead_to_the_end_by_their_cursors(client: Caller) -> None:
    found, asked = [], {"limit": 5}
    for size in (5, 5, 2):
        answer = client.get(PATH, params=asked)
        assert len(ids(answer)) == size
        found += ids(answer)
        asked = {"limit": 5, "cursor": answer.json()["cursor"]}
    assert asked["cursor"] is None
    assert found == list(reversed(range(12)))


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ("outcome=allow", "FIELD_VALUE", "outcome"),
        ("from=yesterday", "TIME_INVALID", "from"),
        ("to=1999-01-01T00:00:00Z", "TIME_RANGE", "to"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "FIELD_VALUE", "to"),
        ("limit=0", "FIELD_VALUE", "limit"),
        (f"limit={PAGE_MAX + 1}", "FIELD_VALUE", "limit"),
        ("limit=many", "FIELD_VALUE", "limit"),
        ("cursor=__________8", "FIELD_VALUE", "cursor"),
        ("cursor=AAAA", "FIELD_VALUE", "cursor"),
        ("cursor=%00", "FIELD_VALUE", "cursor"),
        ("cursor=" + "A" * 65, "FIELD_VALUE", "cursor"),
        ("cursor=A", "FIELD_VALUE", "cursor"),
        ("payer=", "FIELD_VALUE", "payer"),
        ("payer=%20", "ID_INVALID", "payer"),
        ("payer=%FF%FE", "FIELD_VALUE", "query"),
        ("%C3=1", "FIELD_VALUE", "query"),
        ("payer=" + "a" * 129, "FIELD_VALUE", "payer"),
        ("payer=a&payer=b", "FIELD_VALUE", "payer"),
        ("payee=a", "FIELD_UNKNOWN", "query"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_field(
    client: Caller, asked: str, code: str, field: str
) -> None:
    answer = client.get(f"{PATH}?{asked}")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field)
    assert problem["expected"] and problem["found"] is not None
    # Pydantic's own sentences say "Input should be" and "String should have".
    assert " should " not in problem["detail"]


def test_an_id_that_came_in_before_ids_were_printable_is_still_looked_for(client: Caller) -> None:
    found = client.get(f"{PATH}?payer=1%E2%80%AE2")
    assert (found.status_code, found.json()["decisions"]) == (200, [])
    erased = {"person": "1\u202e2", "by": "dpo", "reason": "letter 7"}
    answer = client.post("/v1/erasures", json=erased)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_a_transfer_takes_no_query_and_other_methods_are_told_of_both(client: Caller) -> None:
    answer = client.post(f"{PATH}?payer=a", json=transfer(0))
    assert (answer.status_code, answer.json()["code"]) == (422, "FIELD_UNKNOWN")
    answer = client.request("PUT", PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_no_decision_is_lost_or_found_twice_when_the_table_is_made_again(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    before = _listed(home, decide=True)
    for file in home.glob("decisions.sqlite*"):
        file.unlink()
    assert _listed(home, decide=False) == before


@pytest.mark.slow
def test_a_database_lists_what_a_file_lists(tmp_path: Path, postgres: str) -> None:
    home = make_home(tmp_path / "home")
    in_file = _listed(home, decide=True)
    assert _listed(home, decide=False, DECISIONS_URL=postgres) == in_file


def test_a_service_decides_while_its_database_is_away_and_lists_when_it_comes(
    tmp_path: Path, postgres: str
) -> None:
    folder, place = postgres.partition("host=")[2], tmp_path / "socket"
    url = postgres.replace(folder, str(place))
    with called(build_service(settings_of(make_home(tmp_path / "home"), DECISIONS_URL=url))) as it:
        it.headers = {"authorization": f"Bearer {KEY}"}
        for number in range(4):
            assert it.post(PATH, json=transfer(number)).status_code == 200
        refused = it.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (503, "INDEX_UNAVAILABLE")
        assert it.get(f"{PATH}/{transfer(3)['end_to_end_id']}").status_code == 200
        place.symlink_to(folder)
        eventually(lambda: it.get(PATH).json().get("as_of") == 4, seconds=60)
        assert ids(it.get(PATH)) == [3, 2, 1, 0]


def _listed(home: Path, *, decide: bool, **changes: str) -> list[dict[str, object]]:
    caller = Caller(build_service(settings_of(home, **changes)))
    caller.start()
    caller.headers = {"authorization": f"Bearer {KEY}"}
    try:
        while caller.get("/health/ready").status_code != 200:
            time.sleep(0.02)
        for number in range(4 if decide else 0):
            caller.post(PATH, content=json.dumps(transfer(number)), headers=caller.headers | TYPE)
        while (answer := caller.get(PATH).json())["as_of"] < 4:
            time.sleep(0.02)
        return answer["decisions"]
    finally:
        caller.stop()


TYPE = {"content-type": "application/json"}

"""Every route and every role: who may, who may not, and what no table names."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from crivo.adapters.http import access
from crivo.adapters.http.access import EVERYTHING, ROUTES, Caller, Role, check_role, roles_of
from crivo.adapters.http.gate import Entrance, entrance_of
from crivo.adapters.http.key_file import LOOK_NS
from crivo.bootstrap.access import new_api_key
from crivo.bootstrap.service import Service, build_service
from crivo.domain.errors import Refused
from tests.e2e.homes import make_home, settings_of
from tests.integration import calling
from tests.unit.adapters.http.bodies import GOOD

pytestmark = pytest.mark.slow

#: The document has a path for each kind of event.
KIND, ANY_KIND = re.compile(r"(?<=/v1/events/)[\w.]+"), "{kind}"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "http.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return build_service(settings_of(make_home(tmp_path_factory.mktemp("access") / "home")))


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[Role, str]:
    made = {role: new_api_key(service.home.settings, role.value, role) for role in Role}
    time.sleep(2 * LOOK_NS / 1e9)
    return made


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[calling.Caller]:
    caller = calling.Caller(service)
    caller.start()
    yield caller
    caller.stop()


def routes(service: Service) -> set[str]:
    """Every route that asks for a key, as the application declares it."""
    document = service.app.openapi()["paths"]
    declared = {
        f"{method.upper()} {KIND.sub(ANY_KIND, path)}"
        for path, methods in document.items()
        for method in methods
    }
    declared |= {
        f"{method} {route.path}"
        for route in service.app.routes
        for method in getattr(route, "methods", None) or ()
    }
    return {
        route
        for route in declared
        if entrance_of(route.split()[1]) is Entrance.KEY and not route.startswith("HEAD ")
    }


def test_every_route_with_a_key_names_its_roles_and_no_other_is_named(service: Service) -> None:
    assert routes(service) == set(ROUTES)


def test_each_role_gets_through_where_it_is_named_and_nowhere_else(
    service: Service, client: calling.Caller, keys: dict[Role, str]
) -> None:
    for route, role in product(sorted(routes(service)), Role):
        method, path = route.split()
        url = re.sub(r"\{\w+\}", "E12345678202611231200neverMade00", path)
        client.headers = {"authorization": f"Bearer {keys[role]}"}
        # A parameter that no route knows is refused behind the roles: nothing is done.
        answer = client.request(method, f"{url}?hostile=1")
        may = role is Role.ADMIN or role in ROUTES[route]
        assert (answer.status_code == 403) != may, (route, role, answer.text)
        if not may:
            problem = answer.json()
            assert (problem["code"], problem["found"]) == ("FORBIDDEN", role.value)


def test_a_transfer_that_a_role_may_not_send_is_not_decided(
    service: Service, client: calling.Caller, keys: dict[Role, str]
) -> None:
    before = service.decisions.log.end()
    headers = {"content-type": "application/json"}
    for role in (Role.ANALYST, Role.AUDITOR):
        client.headers = {"authorization": f"Bearer {keys[role]}"}
        answer = client.post("/v1/decisions", content=json.dumps(GOOD), headers=headers)
        assert answer.status_code == 403
    assert service.decisions.log.end() == before


def test_what_no_table_names_is_the_administrators_alone() -> None:
    assert roles_of("POST", "/v1/anything") == frozenset()
    assert roles_of("GET", "/v1/decisions/a/b") == frozenset()
    check_role(Caller("x", EVERYTHING), "POST", "/v1/anything")
    for roles in (frozenset[Role](), frozenset({Role.INGEST, Role.ANALYST, Role.AUDITOR})):
        with pytest.raises(Refused):
            check_role(Caller("x", roles), "POST", "/v1/anything")


def test_sabotage_a_role_too_many_or_a_route_too_few_is_seen(
    service: Service,
    client: calling.Caller,
    keys: dict[Role, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wider = {**ROUTES, "POST /v1/decisions": frozenset({Role.INGEST, Role.AUDITOR})}
    with monkeypatch.context() as patched:
        patched.setattr(access, "ROUTES", wider)
        with pytest.raises(AssertionError):
            test_each_role_gets_through_where_it_is_named_and_nowhere_else(service, client, keys)
    fewer = {route: roles for route, roles in ROUTES.items() if route != "GET /metrics"}
    with monkeypatch.context() as patched:
        patched.setitem(globals(), "ROUTES", fewer)
        with pytest.raises(AssertionError):
            test_every_route_with_a_key_names_its_roles_and_no_other_is_named(service)


def test_the_page_names_the_roles_of_each_route() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(
        re.findall(r"^\| `((?:GET|POST) [^`]+)` \| ((?:\w+, )*admin) \|$", page, re.MULTILINE)
    )
    assert rows == {
        route: ", ".join(role.value for role in Role if role in roles or role is Role.ADMIN)
        for route, roles in ROUTES.items()
    }

"""API keys of a service that runs: made, revoked and damaged beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from crivo.adapters.http.key_file import LOOK_NS
from crivo.bootstrap.access import new_api_key, revoke_api_key
from crivo.bootstrap.service import Service, build_service
from tests.e2e.homes import KEY, make_home, settings_of
from tests.integration.calling import Caller


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return build_service(settings_of(make_home(tmp_path_factory.mktemp("keys") / "home")))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Caller]:
    caller = Caller(service)
    caller.headers = {"authorization": f"Bearer {KEY}"}
    caller.start()
    yield caller
    caller.stop()


def test_another_key_of_the_file_is_soon_good(service: Service, client: Caller) -> None:
    key = new_api_key(service.home.settings, "another")
    time.sleep(LOOK_NS / 1e9)
    headers = {"authorization": f"Bearer {key}"}
    assert client.get("/v1/model", headers=headers).status_code == 200
    assert key not in service.home.paths.api_keys.read_text()
    assert service.home.paths.api_keys.stat().st_mode & 0o077 == 0


def test_a_key_that_is_revoked_is_soon_worthless(service: Service, client: Caller) -> None:
    headers = {"authorization": f"Bearer {new_api_key(service.home.settings, 'leaver')}"}
    time.sleep(LOOK_NS / 1e9)
    assert client.get("/v1/model", headers=headers).status_code == 200
    revoke_api_key(service.home.settings, "leaver")
    time.sleep(LOOK_NS / 1e9)
    assert client.get("/v1/model", headers=headers).status_code == 401


@pytest.mark.slow
def test_a_damaged_file_of_keys_is_a_service_that_is_not_ready(
    service: Service, client: Caller
) -> None:
    path = service.home.paths.api_keys
    new_api_key(service.home.settings, "whole")
    good = path.read_text()
    path.write_text(good[:20])
    time.sleep(LOOK_NS / 1e9)
    for call in (client.get("/v1/model"), client.post("/v1/decisions", json={})):
        assert (call.status_code, call.json()["code"]) == (503, "NOT_READY")
    path.write_text(good)
    time.sleep(LOOK_NS / 1e9)
    assert client.get("/v1/model").status_code == 200

"""The service that a demo starts ends in order, and its words are its owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest

from crivo.cli import demo_server
from tests.e2e.homes import environment, make_home

pytestmark = pytest.mark.slow


def test_a_demos_service_answers_and_stops_without_a_traceback(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with demo_server.served(home, port=0, environ=environment(home)) as service:
        headers = {"authorization": f"Bearer {service.api_key}"}
        found = httpx.get(f"{service.address}/v1/model", headers=headers, trust_env=False)
        assert found.status_code == 200
    assert "Traceback" not in service.log_file.read_text()
    assert stat.S_IMODE(service.log_file.stat().st_mode) == 0o600


def test_a_service_that_is_stopped_while_it_starts_leaves_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    home = make_home(tmp_path / "home")
    monkeypatch.setattr(demo_server, "_wait_until_ready", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        demo_server.served(home, port=0, environ=environment(home)),
    ):
        pass
    assert "Traceback" not in (home / "serve.log").read_text()

"""The service that a demo starts ends in order, and its words are its owner's alone."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from crivo.cli import demo_server
from crivo.cli.stopping import cleaned_up
from crivo.domain.errors import Unavailable
from tests.e2e.homes import environment, make_home

pytestmark = pytest.mark.slow


def test_a_demos_service_answers_and_stops_without_a_traceback(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with demo_server.served(home, port=0, environ=environment(home)) as service:
        headers = {"authorization": f"Bearer {service.api_key}"}
        found = httpx.get(f"{service.address}/v1/model", headers=headers, trust_env=False)
        assert found.status_code == 200
        # Each address of the page is another one, and opens it once.
        pages = [demo_server.new_page_link(service) for _ in range(2)]
        answers = [httpx.get(page, trust_env=False).status_code for page in [*pages, *pages]]
        assert answers == [303, 303, 401, 401]
    with pytest.raises(Unavailable, match="gave no address of its page"):
        demo_server.new_page_link(service)
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_service_whose_demo_is_stopped_in_the_very_moment_of_its_start_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            begun.append(self)
            os.kill(os.getpid(), number)

    home = make_home(tmp_path / "home")
    monkeypatch.setattr(demo_server.subprocess, "Popen", Interrupted)
    # Whoever runs tests in the background of a shell has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (
            pytest.raises(KeyboardInterrupt if number is signal.SIGINT else SystemExit),
            cleaned_up(),
            demo_server.served(home, port=0, environ=environment(home)),
        ):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
        (process,) = begun
        # One that is waited for has a code; what was left would run on.
        left = process.returncode is None
        process.kill()
        process.wait()
    assert not left


def test_a_service_reads_no_module_of_the_folder_that_its_user_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path / "home")
    for name in ("http.py", "crivo.py", "numpy.py"):
        (tmp_path / name).write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)
    with demo_server.served(home, port=0, environ=environment(home)) as service:
        assert httpx.get(f"{service.address}/health/live", trust_env=False).status_code == 200


#: A demo that serves and waits, without the minutes before.
STAYS = """
import contextlib, os, signal, sys, time
from pathlib import Path
# Whoever runs these tests may have closed his terminal to them.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from crivo.cli import demo, demo_server
home = Path(sys.argv[1])
def stays(options):
    with demo_server.served(home, port=0, environ=os.environ) as service:
        print(service.pid, flush=True)
        time.sleep(600)
demo.cleaned_up()(stays)(None) if len(sys.argv) < 3 else stays(None)
"""


def service_left(home: Path, number: signal.Signals, *more: str) -> bool:
    """Whether the service of a demo lives on, moments after the demo was told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", STAYS, str(home), *more],
        env={**os.environ, **environment(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    service = int(process.stdout.readline())
    process.send_signal(number)
    process.wait(60)
    process.stdout.close()
    time.sleep(0.5)
    try:
        os.kill(service, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_leaves_no_service_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    assert not service_left(make_home(tmp_path / "home"), number)


def test_sabotage_a_demo_that_ends_where_it_stands_leaves_one(tmp_path: Path) -> None:
    assert service_left(make_home(tmp_path / "home"), signal.SIGTERM, "as it was")

"""A served Crivo in a process of its own, as demo and benchmarks start and stop it."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crivo.cli.stopping import unbroken
from crivo.domain.errors import Code, Unavailable

READY_SECONDS_MAX: Final = 600
STOP_SECONDS_MAX: Final = 20
ANSWER_SECONDS_MAX: Final = 30
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Served:
    """Where a started service answers, with which key, and where it writes what it says."""

    pid: int
    address: str
    api_key: str
    log_file: Path


@contextmanager
def served(home: Path, *, port: int, environ: Mapping[str, str]) -> Iterator[Served]:
    """A service that is ready to decide; it is told to stop, and waited for, at the end.

    Port 0 picks a free one; `environ` is the service's environment, to which an API key is added.

    Raises:
        Unavailable: LOG_UNAVAILABLE where it did not become ready; its own words are in the file.
    """
    log_file = home / "serve.log"
    api_key = secrets.token_urlsafe(32)
    chosen = port or _free_port()
    environment = {**environ, "CRIVO_HTTP__API_KEY": api_key}
    # -P: no module is read from the folder in which somebody happens to be.
    command = [sys.executable, "-P", "-m", "crivo", "serve"]
    command += ["--home", str(home), "--port", str(chosen)]
    # It says the page's one-time address, so it is its owner's alone.
    log_file.touch(mode=0o600)
    address = f"http://127.0.0.1:{chosen}"
    process = None
    try:
        with log_file.open("ab") as said, unbroken():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment,
                # Ctrl-C on a terminal reaches this process alone, and the service is told once.
                start_new_session=True,
            )
        _wait_until_ready(address, process, log_file)
        yield Served(process.pid, address, api_key, log_file)
    finally:
        if process is not None:
            _end(process)


def new_page_link(service: Served) -> str:
    """A fresh address that opens the service's page once, within `LINK_LIFETIME`.

    Raises:
        Unavailable: LOG_UNAVAILABLE where the service does not answer, or gives none.
    """
    request = urllib.request.Request(  # noqa: S310
        f"{service.address}/v1/page-links",
        method="POST",
        headers={"Authorization": f"Bearer {service.api_key}"},
    )
    # The key is for the service alone, so no proxy is asked.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=ANSWER_SECONDS_MAX) as answer:
            path = json.load(answer)["path"]
    except OSError as error:
        raise Unavailable(
            Code.LOG_UNAVAILABLE,
            f"the service at {service.address} gave no address of its page: {error}",
            hint=f"Everything it said is in {service.log_file}.",
        ) from error
    return f"{service.address}{path}"


def _end(process: subprocess.Popen[bytes]) -> None:
    # Not SIGINT, whose traceback a service that is still starting would leave in its log.
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health/ready", timeout=5):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(_POLL_SECONDS)
    words = log_file.read_text(errors="replace")[-600:].strip()
    raise Unavailable(
        Code.LOG_UNAVAILABLE,
        f"the service did not become ready; its last words: {words}",
        hint=f"Everything it said is in {log_file}.",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

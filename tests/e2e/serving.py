"""A served Crivo in a process of its own: started, spoken to over its socket, stopped or killed."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.homes import KEY, ROOT, environment

READY_SECONDS_MAX = 900.0
STOP_SECONDS_MAX = 180.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running service: its process, where it listens, and the page's one-time address."""

    process: subprocess.Popen[bytes]
    address: str
    page: str
    said: Path

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.address.rpartition(":")[2])

    def client(self, *, key: str | None = KEY) -> httpx.Client:
        """A client with the key, or with none."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=300, trust_env=False)

    def stop(self) -> int:
        """Ends it in order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)

    def kill(self) -> None:
        """Ends it as a power switch would, without a word."""
        self.process.kill()
        self.process.wait(STOP_SECONDS_MAX)


@contextmanager
def serving(
    home: Path,
    *,
    trust: ssl.SSLContext | bool = True,
    program: Sequence[str] = ("-m", "crivo"),
    **changes: str,
) -> Iterator[Served]:
    """The service of this home on a free port, ready to decide; dead at the end in any case.

    `trust` is how its certificate is looked at, where it has one; `program` is what Python runs.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRIVO_")}
    said = home / f"said-{time.monotonic_ns()}.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *program, "serve", "--port", "0"],
            cwd=ROOT,
            env={**kept, **environment(home, **changes)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        address = _wait_for(process, said, r"listens on (http[^\s;]+)")
        page = _wait_for(process, said, r"(/open\?token=\S+)")
        _wait_until_ready(process, said, address, trust)
        yield Served(process, address, page, said)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def refused(home: Path, **changes: str) -> tuple[int, str]:
    """The exit code of a service of this home that ends by itself, and all that it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRIVO_")}
    done = subprocess.run(
        [sys.executable, "-m", "crivo", "serve", "--port", "0"],
        cwd=ROOT,
        env={**kept, **environment(home, **changes)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=READY_SECONDS_MAX,
        check=False,
    )
    return done.returncode, done.stdout


def _wait_for(process: subprocess.Popen[bytes], said: Path, pattern: str) -> str:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        found = re.search(pattern, said.read_text())
        if found is not None:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"it did not start: {said.read_text()}")


def _wait_until_ready(
    process: subprocess.Popen[bytes], said: Path, address: str, trust: ssl.SSLContext | bool
) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        # One that starts may be slow to answer, or close what it was asked on.
        with suppress(httpx.TransportError):
            asked = httpx.get(f"{address}/health/ready", trust_env=False, timeout=30, verify=trust)
            if asked.status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"it did not become ready: {said.read_text()}")

"""Servers that a benchmark starts: a free port, and a process while it runs and answers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

READY_SECONDS_MAX: Final = 120.0
STOP_SECONDS_MAX: Final = 20.0


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def answering(
    command: Sequence[str],
    url: str,
    *,
    said: Path,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[None]:
    """A server while it runs, from its first answer of 200 at `url` on; `said` is what it printed.

    Raises:
        RuntimeError: it did not answer in time; the message holds what it said.
    """
    with said.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environ,
            cwd=cwd,
        )
    try:
        _wait(process, url, said)
        yield
    finally:
        # A command may have a shell and workers below it: they are one group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, said: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), opener.open(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args} did not answer: {said.read_text()[-2_000:]}")

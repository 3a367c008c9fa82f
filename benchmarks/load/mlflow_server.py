"""`mlflow models serve` on the model of a run: the peer of `POST /predict`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load.service import ROOT

PROGRAM: Final = ROOT / ".tools" / "mlflow" / "bin" / "mlflow"
#: Why it is left out where it is not there.
MISSING: Final = "mlflow is not installed: make extra NAME=mlflow"

READY_SECONDS_MAX: Final = 120.0
STOP_SECONDS_MAX: Final = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a peer answers; it asks for no key."""

    address: str
    api_key: str = ""


def model_folder(home: Path) -> Path:
    """The one model that a run of this home kept for MLflow.

    Raises:
        RuntimeError: there is none, or there are several.
    """
    found = list((home / "mlflow").rglob("MLmodel"))
    if len(found) != 1:
        raise RuntimeError(f"one model of a run is wanted in {home}, found {len(found)}")
    return found[0].parent


@contextlib.contextmanager
def serving(model: Path, *, said: Path) -> Iterator[Server]:
    """The server while it runs and answers, one worker on a free port; `said` is what it printed.

    Raises:
        RuntimeError: it did not answer in time; the message holds what it said.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PROGRAM), "models", "serve", "--model-uri", str(model), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--env-manager", "local", "--workers", "1"]
    # The command starts its server by name, so its folder comes first.
    environ = {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    with said.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environ,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/ping", said)
        yield Server(f"http://127.0.0.1:{port}")
    finally:
        # The command has a shell and workers below it: they are one group.
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
    raise RuntimeError(f"mlflow models serve did not answer: {said.read_text()[-2_000:]}")

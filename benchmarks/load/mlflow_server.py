"""`mlflow models serve` on the model of a run: the peer of `POST /predict`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load.answering import answering, free_port
from benchmarks.load.service import ROOT

PROGRAM: Final = ROOT / ".tools" / "mlflow" / "bin" / "mlflow"
#: Why it is left out where it is not there.
MISSING: Final = "mlflow is not installed: make extra NAME=mlflow"


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
        RuntimeError: as `answering`.
    """
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(PROGRAM), "models", "serve", "--model-uri", str(model), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--env-manager", "local", "--workers", "1"]
    # The command starts its server by name, so its folder comes first.
    environ = {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    with answering(command, f"{address}/ping", said=said, environ=environ):
        yield Server(address)

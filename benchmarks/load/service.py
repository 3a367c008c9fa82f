"""The real service in a home of its own: a small world, a model trained on it, one process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from crivo.cli.demo_server import Served, served
from crivo.domain.instant import DAY, parse_rfc3339

ROOT: Final = Path(__file__).resolve().parents[2]
MAPPING: Final = ROOT / "mappings" / "simulated.toml"
FIRST_DAY: Final = "2026-03-02"
DAYS: Final = 28

#: The first instant after the world in which the load may happen.
AFTER: Final = parse_rfc3339(f"{FIRST_DAY}T12:00:00Z") + (DAYS + 1) * DAY


def prepare_home(folder: Path, *, scale: str) -> Path:
    """A home folder whose log holds a simulated past and whose champion was trained on it."""
    home, world = folder / "home", folder / "world"
    simulate = ["simulate", "--out", str(world), "--days", str(DAYS), "--start", FIRST_DAY]
    simulate += ["--past-days", "0", "--tables", "platform", "--format", "parquet"]
    simulate += ["--prevalence", "0.01"]  # claims are late, and training wants some
    crivo(home, *simulate, "--scale", scale)
    table = str(world / "transfers.parquet")
    crivo(home, "ingest", table, "--mapping", str(MAPPING), "--clock", "replay")
    # A hundred times as many frauds as in nature come in campaigns: who has seen half of one ranks
    # the other half better, which the leak alarm takes for a leak. Nothing here is judged by it.
    crivo(home, "train", "--allow-leak", "benchmark")
    return home


def crivo(home: Path, *arguments: str) -> str:
    """What a command of the product prints on this home.

    Raises:
        RuntimeError: it did not answer 0; the message holds what it said.
    """
    answer = subprocess.run(
        _command(*arguments), env=environment(home), capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise RuntimeError(f"crivo {arguments[0]} answered {answer.returncode}: {answer.stderr}")
    return answer.stdout


@contextlib.contextmanager
def on_core(number: int) -> Iterator[None]:
    """What is started within runs on that core alone, where the system can bind it to one."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(home: Path, **settings: str) -> Iterator[Served]:
    """The service while it runs and is ready; it is stopped in order afterwards.

    `settings` are more of its own, by name without `CRIVO_`.
    """
    more = {f"CRIVO_{name}": value for name, value in settings.items()}
    with served(home, port=0, environ={**environment(home), **more}) as service:
        yield service


def run_load(service: Served, *, rate: float, count: int, seed: int, start: int) -> dict[str, Any]:
    """What the load generator, a process of its own, found with bodies made from a seed.

    Raises:
        RuntimeError: it failed, or a request was not answered with 200.
    """
    found = load(service, rate=rate, count=count, seed=seed, start=start)
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"not every request was decided: {found['statuses']}")
    return found


class Answers(Protocol):
    """Whatever answers at an address, to whoever has the key."""

    @property
    def address(self) -> str:
        """`http://host:port`."""
        ...

    @property
    def api_key(self) -> str:
        """What is sent as the bearer's."""
        ...


def load(service: Answers, **options: object) -> dict[str, Any]:
    """What the load generator, a process of its own, found with these options of its own.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", "benchmarks.load"]
    command += ["--port", service.address.rpartition(":")[2]]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    answer = subprocess.run(
        command, cwd=ROOT, input=service.api_key, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise RuntimeError(f"the load generator answered {answer.returncode}: {answer.stderr}")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "crivo", *arguments]


def environment(home: Path) -> dict[str, str]:
    """Variables of a command on that home: the policy of this repository, nothing else of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRIVO_")}
    policy = str(ROOT / "policy")
    return kept | {"CRIVO_HOME": str(home), "CRIVO_POLICY": policy}

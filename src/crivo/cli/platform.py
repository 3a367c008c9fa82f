"""`crivo platform`: its work."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from crivo.bootstrap.platform import (
    Platform,
    bring_down,
    bring_up,
    end_left_parts,
    installed,
    left_parts,
    state_of,
    supervise,
)
from crivo.cli.output import notes, print_facts, print_json, print_table
from crivo.domain.errors import Code, Unfit
from crivo.settings import load_settings


def run_platform_up(platform: Platform, *, home: Path | None, as_json: bool) -> None:
    """`crivo platform up`.

    Raises:
        Misconfigured: as `installed`. Unavailable: as `bring_up`.
    """
    settings = load_settings(os.environ, home=home)
    wanted = installed(platform)
    arguments = ["--home", str(settings.home)]
    arguments += [] if wanted.brokers is None else ["--brokers", str(wanted.brokers)]
    arguments += ["--jars", str(wanted.jars), "--port", str(wanted.port)]
    arguments += ["--inbox" if wanted.inbox else "--no-inbox"]
    arguments += ["--worker" if wanted.worker else "--no-worker"]
    arguments += ["--relay" if wanted.relay else "--no-relay"]
    for name, program in (("--spark", wanted.spark), ("--mlflow", wanted.mlflow)):
        arguments += [] if program is None else [name, str(program)]
    if left := end_left_parts(settings):
        notes().print(_of_the_dead(left))
    _print(bring_up(settings, arguments), as_json=as_json)


def run_platform_supervise(platform: Platform, *, home: Path | None) -> None:
    """`crivo platform supervise`.

    Raises:
        Misconfigured, Unavailable: as `supervise`.
    """
    from crivo.bootstrap.logs import configure_logging

    configure_logging(json_lines=not sys.stderr.isatty())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    supervise(load_settings(os.environ, home=home), platform, stop.is_set)


def run_platform_down(*, home: Path | None, as_json: bool) -> None:
    """`crivo platform down`.

    Raises:
        Unavailable: NOT_READY where it does not end.
    """
    settings = load_settings(os.environ, home=home)
    was_up = bring_down(settings)
    left = end_left_parts(settings)
    if as_json:
        print_json({"was_up": was_up, "orphans": left})
    elif left:
        print_facts(_of_the_dead(left), {})
    else:
        print_facts("The platform is down" if was_up else "No platform was up", {})


def _of_the_dead(left: list[str]) -> str:
    return f"Ended what a supervisor that died had left running: {', '.join(left)}"


def run_platform_status(*, home: Path | None, as_json: bool) -> None:
    """`crivo platform status`.

    Raises:
        Unfit: NOT_READY where none is up, or a part does not answer.
    """
    settings = load_settings(os.environ, home=home)
    state = state_of(settings)
    _print(state or {"pid": None, "parts": []}, as_json=as_json)
    silent = [part["name"] for part in (state or {}).get("parts", ()) if not part["healthy"]]
    if left := left_parts(settings):
        raise Unfit(
            Code.NOT_READY,
            f"the platform's supervisor died, and these run on: {', '.join(left)}",
            hint="`crivo platform down` ends them; `crivo platform up` does so and begins anew.",
        )
    if state is None or silent:
        raise Unfit(
            Code.NOT_READY,
            f"these do not answer: {', '.join(silent)}" if silent else "no platform is up",
            hint="`crivo platform up` starts one; each part's log says why it does not answer.",
        )


def _print(state: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(state)
        return
    columns = ("name", "address", "pid", "healthy", "restarts", "log")
    rows = [[str(part[each]) for each in columns] for part in state["parts"]]
    print_table("Parts", columns, rows)

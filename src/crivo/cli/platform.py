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
    installed,
    state_of,
    supervise,
)
from crivo.cli.output import print_facts, print_json, print_table
from crivo.domain.errors import Code, Unfit
from crivo.settings import load_settings


def run_platform_up(platform: Platform, *, home: Path | None, as_json: bool) -> None:
    """`crivo platform up`.

    Raises:
        Misconfigured: as `installed`. Unavailable: as `bring_up`.
    """
    settings = load_settings(os.environ, home=home)
    wanted = installed(platform)
    arguments = ["--home", str(settings.home), "--brokers", str(wanted.brokers)]
    arguments += ["--jars", str(wanted.jars), "--port", str(wanted.port)]
    arguments += ["--inbox" if wanted.inbox else "--no-inbox"]
    arguments += ["--worker" if wanted.worker else "--no-worker"]
    arguments += ["--relay" if wanted.relay else "--no-relay"]
    for name, program in (("--spark", wanted.spark), ("--mlflow", wanted.mlflow)):
        arguments += [] if program is None else [name, str(program)]
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
    was_up = bring_down(load_settings(os.environ, home=home))
    if as_json:
        print_json({"was_up": was_up})
    else:
        print_facts("The platform is down" if was_up else "No platform was up", {})


def run_platform_status(*, home: Path | None, as_json: bool) -> None:
    """`crivo platform status`.

    Raises:
        Unfit: NOT_READY where none is up, or a part does not answer.
    """
    state = state_of(load_settings(os.environ, home=home))
    _print(state or {"pid": None, "parts": []}, as_json=as_json)
    silent = [part["name"] for part in (state or {}).get("parts", ()) if not part["healthy"]]
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

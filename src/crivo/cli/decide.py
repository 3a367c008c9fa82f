"""`crivo decide`: a worker answers until it is stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from crivo.cli.output import print_facts, print_json


def run_decide(
    log: str | None,
    *,
    home: Path | None,
    exactly_once: bool,
    until_end: bool,
    metrics_port: int | None,
    as_json: bool,
) -> None:
    """`crivo decide`: a signal ends it between two turns, with exit code 0.

    Raises:
        Misconfigured, Refused, Unavailable: as `bootstrap.worker.decide`.
    """
    from crivo.bootstrap.logs import configure_logging
    from crivo.bootstrap.worker import Deciding, decide
    from crivo.settings import load_settings

    configure_logging(json_lines=not sys.stderr.isatty())
    settings = load_settings(os.environ, home=home, log__url=log)
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    deciding = Deciding(exactly_once, until_end, metrics_port)
    result = decide(settings, deciding, should_stop=stop.is_set)
    counts = dict(sorted(result.outcomes.items()))
    facts = {
        "decided": result.decided,
        "alerts": result.alerts,
        "rebuilt": result.rebuilt,
        "outcomes": counts,
    }
    if as_json:
        print_json(facts)
    else:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        print_facts(
            f"{result.decided:,} transfers decided",
            {"outcomes": outcomes or "–", "alerts": f"{result.alerts:,}"},
        )

"""`crivo decide`: a worker answers until it is stopped."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from crivo.cli.output import print_facts, print_json
from crivo.cli.stopping import told_to_stop
from crivo.domain.errors import Code, Misconfigured


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
    from crivo.bootstrap.kafka import require_client
    from crivo.bootstrap.logs import configure_logging
    from crivo.settings import load_settings

    require_client("a worker")
    from crivo.bootstrap.worker import Deciding, decide

    configure_logging(json_lines=not sys.stderr.isatty())
    settings = load_settings(os.environ, home=home, log__url=log)
    stop = told_to_stop()
    deciding = Deciding(exactly_once, until_end, metrics_port)
    result = decide(settings, deciding, should_stop=stop.is_set)
    counts = dict(sorted(result.outcomes.items()))
    facts = {
        "decided": result.decided,
        "alerts": result.alerts,
        "hold_ends": result.hold_ends,
        "rebuilt": result.rebuilt,
        "outcomes": counts,
    }
    if as_json:
        print_json(facts)
    else:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        print_facts(
            f"{result.decided:,} transfers decided",
            {
                "outcomes": outcomes or "–",
                "alerts": f"{result.alerts:,}",
                "ends of holds": f"{result.hold_ends:,}",
            },
        )


def run_decide_by_spark(
    log: str | None,
    *,
    master: str,
    home: Path | None,
    until_end: bool,
    metrics_port: int | None,
    as_json: bool,
) -> None:
    """`crivo decide --spark MASTER`: a signal ends it; another start goes on from its checkpoint.

    Raises:
        Misconfigured, Refused, Unavailable: as `bootstrap.spark.decide_by_spark`.
    """
    from crivo.bootstrap.logs import configure_logging
    from crivo.settings import load_settings

    if any(find_spec(name) is None for name in ("pyspark", "confluent_kafka")):
        raise Misconfigured(
            Code.SETTING_INVALID,
            "--spark asks for Spark and a client of Kafka, which are not both installed",
            hint="`make extra NAME=spark`, then .tools/spark/bin/crivo with the same words.",
            field="--spark",
        )
    from crivo.bootstrap.spark import decide_by_spark

    configure_logging(json_lines=not sys.stderr.isatty())
    settings = load_settings(os.environ, home=home, log__url=log)
    stop = told_to_stop()
    result = decide_by_spark(
        settings,
        master,
        until_end=until_end,
        should_stop=stop.is_set,
        metrics_port=metrics_port,
    )
    if as_json:
        print_json(asdict(result))
    else:
        facts = {"batches": f"{result.batches:,}", "records": f"{result.records:,}"}
        print_facts(f"{result.decided:,} transfers decided by Spark", facts)

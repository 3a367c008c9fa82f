"""`crivo receive`: the door of a log in Kafka is open until it is told to stop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from crivo.cli.output import print_facts, print_json
from crivo.cli.stopping import told_to_stop


def run_receive(
    log: str | None,
    *,
    home: Path | None,
    until_end: bool,
    metrics_port: int | None,
    as_json: bool,
) -> None:
    """`crivo receive`: a signal ends it between two turns, with exit code 0.

    Raises:
        Misconfigured: SETTING_INVALID without a client of Kafka; as `receive_inbox`.
        Unavailable: as `receive_inbox`.
    """
    from crivo.bootstrap.kafka import require_client
    from crivo.bootstrap.logs import configure_logging
    from crivo.settings import load_settings

    require_client("an inbox")
    from crivo.bootstrap.inbox import Receiving, receive_inbox

    configure_logging(json_lines=not sys.stderr.isatty())
    settings = load_settings(os.environ, home=home, log__url=log)
    stop = told_to_stop()
    receiving = Receiving(until_end, metrics_port)
    result = receive_inbox(settings, receiving, should_stop=stop.is_set)
    refused = {str(code): count for code, count in sorted(result.refused.items())}
    if as_json:
        print_json(
            {
                "received": result.received,
                "appended": result.appended,
                "duplicate": result.duplicate,
                "refused": refused,
            }
        )
    else:
        print_facts(
            f"received {result.received:,} = appended {result.appended:,} + duplicate "
            f"{result.duplicate:,} + refused {result.refused.total():,}",
            {code: f"{count:,}" for code, count in refused.items()},
        )

"""`crivo receive` as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer

from crivo.cli.options import Home, Json, Log


def receive(
    log: Log = None,
    home: Home = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Take in what waits now, then end.")
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", min=0, max=65_535, help="Tell metrics on this port."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take what others produce to the inbox of a log in Kafka into the log, until Ctrl-C."""
    from crivo.cli.receive import run_receive

    run_receive(log, home=home, until_end=until_end, metrics_port=metrics_port, as_json=as_json)

"""`crivo decide` as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer

from crivo.cli.options import Home, Json, Log


def decide(
    log: Log = None,
    home: Home = None,
    exactly_once: Annotated[
        bool,
        typer.Option("--exactly-once", help="Transactions: no answer comes twice, each later."),
    ] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Answer what waits now, then end.")
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", min=0, max=65_535, help="Tell metrics on this port."),
    ] = None,
    spark: Annotated[
        str | None,
        typer.Option("--spark", help="Decide by Spark, on a master: local[2], spark://HOST:PORT."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer the transfers of a log in Kafka, as one of its workers, until Ctrl-C."""
    from crivo.cli.decide import run_decide, run_decide_by_spark

    if spark is not None:
        if exactly_once:
            raise typer.BadParameter("a worker's options are none of Spark's")
        run_decide_by_spark(
            log,
            master=spark,
            home=home,
            until_end=until_end,
            metrics_port=metrics_port,
            as_json=as_json,
        )
        return

    run_decide(
        log,
        home=home,
        exactly_once=exactly_once,
        until_end=until_end,
        metrics_port=metrics_port,
        as_json=as_json,
    )

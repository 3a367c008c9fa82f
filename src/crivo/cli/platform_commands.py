"""`crivo platform`: up, down, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json

platform = typer.Typer(
    no_args_is_help=True,
    help="Brokers, inbox, worker, service, Spark and MLflow on this machine, kept up.",
)


def _one_or_three(brokers: int | None) -> int | None:
    if brokers not in (None, 1, 3):
        raise typer.BadParameter(f"must be 1, or 3 of which one may end; found {brokers}.")
    return brokers


Brokers = Annotated[
    int | None,
    typer.Option(
        "--brokers",
        callback=_one_or_three,
        help="Brokers: one, or three. [default: as many as the home has; else one]",
    ),
]
Jars = Annotated[Path, typer.Option("--jars", help="Where `make engines` put a broker's jars.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="The service's; 0 picks one.")]
Inbox = Annotated[
    bool, typer.Option("--inbox/--no-inbox", help="The inbox of the log in Kafka is taken.")
]
Worker = Annotated[
    bool, typer.Option("--worker/--no-worker", help="A worker decides the log in Kafka.")
]
Relay = Annotated[
    bool, typer.Option("--relay/--no-relay", help="The service passes its own log on to Kafka.")
]
Spark = Annotated[
    Path | None,
    typer.Option(
        "--spark",
        help="Program of the extra, .tools/spark/bin/crivo, whose job decides too. [default: none]",
    ),
]
Mlflow = Annotated[
    Path | None,
    typer.Option(
        "--mlflow",
        help="Program of the extra, .tools/mlflow/bin/mlflow, to serve runs. [default: none]",
    ),
]

JARS = Path(".tools/engines/kafka")


@platform.command("up")
def platform_up(
    home: Home = None,
    brokers: Brokers = None,
    jars: Jars = JARS,
    port: Port = 0,
    inbox: Inbox = True,
    worker: Worker = True,
    relay: Relay = True,
    spark: Spark = None,
    mlflow: Mlflow = None,
    as_json: Json = False,
) -> None:
    """Start all parts in the background, each once the one before it answers, and keep them up."""
    from crivo.bootstrap.platform import Platform
    from crivo.cli.platform import run_platform_up

    wanted = Platform(brokers, jars, port, inbox, worker, relay, spark, mlflow)
    run_platform_up(wanted, home=home, as_json=as_json)


@platform.command("supervise", hidden=True)
def platform_supervise(
    home: Home = None,
    brokers: Brokers = None,
    jars: Jars = JARS,
    port: Port = 0,
    inbox: Inbox = True,
    worker: Worker = True,
    relay: Relay = True,
    spark: Spark = None,
    mlflow: Mlflow = None,
) -> None:
    """Start all parts and keep them up until SIGTERM: what `up` runs in the background."""
    from crivo.bootstrap.platform import Platform
    from crivo.cli.platform import run_platform_supervise

    wanted = Platform(brokers, jars, port, inbox, worker, relay, spark, mlflow)
    run_platform_supervise(wanted, home=home)


@platform.command("down")
def platform_down(home: Home = None, as_json: Json = False) -> None:
    """End all parts, the last one first."""
    from crivo.cli.platform import run_platform_down

    run_platform_down(home=home, as_json=as_json)


@platform.command("status")
def platform_status(home: Home = None, as_json: Json = False) -> None:
    """Show each part, its address and whether it answers; exit code 1 where one does not."""
    from crivo.cli.platform import run_platform_status

    run_platform_status(home=home, as_json=as_json)

"""`crivo platform`: up, down, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json

platform = typer.Typer(
    no_args_is_help=True, help="Brokers, worker, service and MLflow on this machine, kept up."
)

Brokers = Annotated[int, typer.Option("--brokers", min=1, max=3, help="Brokers: one, or three.")]
Jars = Annotated[Path, typer.Option("--jars", help="Where `make engines` put a broker's jars.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="The service's; 0 picks one.")]
Mlflow = Annotated[
    Path | None,
    typer.Option("--mlflow", help="Program `mlflow` whose server to run. [default: none]"),
]

JARS = Path(".tools/engines/kafka")


@platform.command("up")
def platform_up(
    home: Home = None,
    brokers: Brokers = 1,
    jars: Jars = JARS,
    port: Port = 0,
    mlflow: Mlflow = None,
    as_json: Json = False,
) -> None:
    """Start all parts in the background, each once the one before it answers, and keep them up."""
    from crivo.cli.platform import run_platform_up

    run_platform_up(
        home=home, brokers=brokers, jars=jars, port=port, mlflow=mlflow, as_json=as_json
    )


@platform.command("supervise", hidden=True)
def platform_supervise(
    home: Home = None,
    brokers: Brokers = 1,
    jars: Jars = JARS,
    port: Port = 0,
    mlflow: Mlflow = None,
) -> None:
    """Start all parts and keep them up until SIGTERM: what `up` runs in the background."""
    from crivo.cli.platform import run_platform_supervise

    run_platform_supervise(home=home, brokers=brokers, jars=jars, port=port, mlflow=mlflow)


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

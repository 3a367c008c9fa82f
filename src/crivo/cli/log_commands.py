"""`crivo log`: copy, export, make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import COUNT_MAX, Home, Json, Log

log = typer.Typer(
    no_args_is_help=True,
    help="The log itself: making one in Kafka, copying it there, its transfers as files.",
)


@log.command("copy")
def log_copy(
    source: Annotated[Path, typer.Option("--from", help="A log's file, or a home folder.")],
    to: Annotated[str, typer.Option("--to", help="A log in Kafka: kafka://HOST:PORT[/NAME].")],
    undecided: Annotated[
        bool,
        typer.Option("--undecided", help="What was decided here shall be decided anew there."),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy a log's stored bytes into topics that are there; one that was stopped goes on."""
    from crivo.cli.log import run_log_copy

    run_log_copy(source, to, undecided=undecided, home=home, as_json=as_json)


@log.command("export")
def log_export(
    to: Annotated[
        Path, typer.Option("--to", help="FOLDER/NAME.csv or .parquet: what files are called.")
    ],
    log: Log = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    rotate_mb: Annotated[
        int,
        typer.Option("--rotate-mb", min=1, max=COUNT_MAX, help="End a file of so many megabytes."),
    ] = 64,
    rotate_seconds: Annotated[
        int,
        typer.Option(
            "--rotate-seconds", min=1, max=COUNT_MAX, help="End a file that was begun so long ago."
        ),
    ] = 300,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a log's transfers into whole files, each once; another start goes on behind them."""
    from crivo.cli.log import run_log_export

    run_log_export(
        log,
        to,
        follow=follow,
        rotate=(rotate_mb, rotate_seconds),
        home=home,
        as_json=as_json,
    )


@log.command("make")
def log_make(log: Log = None, home: Home = None, as_json: Json = False) -> None:
    """Make the topics of a log in Kafka, and in them an empty log; one that is there stays."""
    from crivo.cli.log import run_log_make

    run_log_make(log, home=home, as_json=as_json)

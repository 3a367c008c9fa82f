"""`crivo log`: copy, make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json, Log

log = typer.Typer(
    no_args_is_help=True, help="The log itself: making one in Kafka, copying it there."
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


@log.command("make")
def log_make(log: Log = None, home: Home = None, as_json: Json = False) -> None:
    """Make the topics of a log in Kafka, and in them an empty log; one that is there stays."""
    from crivo.cli.log import run_log_make

    run_log_make(log, home=home, as_json=as_json)

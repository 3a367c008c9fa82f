"""`crivo log`: copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json

log = typer.Typer(no_args_is_help=True, help="The log itself: copying it into Kafka.")


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

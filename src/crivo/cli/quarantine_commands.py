"""`crivo quarantine`: list, show, dismiss, replay."""

from __future__ import annotations

from typing import Annotated

import typer

from crivo.cli.options import OFFSET_MAX, Home, Json, Limit, Log

quarantine = typer.Typer(no_args_is_help=True, help="What was refused, with its causes.")

Raw = Annotated[
    bool, typer.Option("--raw", help="Show the rows themselves too: they may name people.")
]


Source = Annotated[
    str, typer.Argument(help="A file, as `list` names it or by its name, or a topic.")
]
Row = Annotated[
    int,
    typer.Argument(
        min=0, max=OFFSET_MAX, help="The number of its row, or the offset in the topic."
    ),
]


@quarantine.command("list")
def quarantine_list(
    home: Home = None,
    log: Log = None,
    limit: Limit = 20,
    raw: Raw = False,
    settled: Annotated[
        bool, typer.Option("--all", help="Rows too that came in mended since, or were dismissed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show refused rows, or dead letters of a log in Kafka, and the count of each cause."""
    from crivo.cli.quarantine import run_quarantine_list

    run_quarantine_list(home=home, log=log, limit=limit, raw=raw, settled=settled, as_json=as_json)


@quarantine.command("show")
def quarantine_show(
    source: Source,
    row: Row,
    home: Home = None,
    log: Log = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Show why one of them was refused, and what to do."""
    from crivo.cli.quarantine import run_quarantine_show

    run_quarantine_show(source, row, home=home, log=log, raw=raw, as_json=as_json)


@quarantine.command("dismiss")
def quarantine_dismiss(
    source: Source,
    row: Row,
    by: Annotated[str, typer.Option("--by", help="Who looked at it.")],
    home: Home = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Say that nothing is to be done about one of them: it is listed with --all alone."""
    from crivo.cli.quarantine import run_quarantine_dismiss

    run_quarantine_dismiss(source, row, by=by, home=home, log=log, as_json=as_json)


@quarantine.command("replay")
def quarantine_replay(
    source: Annotated[
        str | None, typer.Option("--source", help="Only this topic of dead letters.")
    ] = None,
    home: Home = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Judge the dead letters of a log in Kafka again and append what is an event; twice is once."""
    from crivo.cli.quarantine import run_quarantine_replay

    run_quarantine_replay(source, home=home, log=log, as_json=as_json)

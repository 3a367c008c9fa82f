"""`crivo ingest` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json, Log


def ingest(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, JSON lines, Parquet, or a folder of streams; or a pacs.008 message (.xml), "
            "or a folder of them."
        ),
    ],
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="Mapping file (TOML); left out for pacs.008 messages."),
    ] = None,
    home: Home = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Only what was received before (RFC 3339, Z).")
    ] = None,
    received: Annotated[
        str | None,
        typer.Option("--received", help="Receipt of all rows (RFC 3339, Z): for mended ones."),
    ] = None,
    clock: Annotated[
        str | None, typer.Option("--clock", help="wall or replay, for a log that is made now.")
    ] = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Turn tables or messages into events of the log; what is none goes to quarantine, with why.

    Exit code 1 where more does than CRIVO_INGEST_REFUSED_SHARE_MAX lets pass (the rest is in), or
    all of it.
    """
    from crivo.cli.data import run_ingest

    run_ingest(
        file,
        mapping,
        home=home,
        log=log,
        until=until,
        received=received,
        clock=clock,
        as_json=as_json,
    )

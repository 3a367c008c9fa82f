"""The options of `crivo simulate`, each declared once: its name, its type and its help."""

from __future__ import annotations

from typing import Annotated

import typer

Side = Annotated[
    str, typer.Option("--viewpoint", help="Whose events: payer_psp, payee_psp or rail.")
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        help="Also write transfers with a fault and its share, as JSON lines: late=0.01; or "
        "clock_skewed, duplicated, hot_key, malformed, reordered (repeatable).",
    ),
]
Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario", help="Also let this happen once (repeatable): T18, a provider's breach."
    ),
]
ByDay = Annotated[bool, typer.Option("--by-day", help="One file a day of tables that have days.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Overwrite a world or report that lies there.")
]
Out = Annotated[str | None, typer.Option("--out", metavar="PATH", help="Folder for the world.")]
Report = Annotated[
    str | None,
    typer.Option("--report", metavar="PATH", help="Folder for a comparison with official figures."),
]
Tables = Annotated[
    str,
    typer.Option(
        "--tables",
        help="seven: a bank's tables; platform: transfers, reports, truth; events: streams.",
    ),
]
Scale = Annotated[
    str,
    typer.Option("--scale", help="0.3 to 1200; 1 is 20,000 users and 50,000 transfers in 30 days."),
]
Start = Annotated[
    str,
    typer.Option(
        "--start", help="First day of the window, as a Brasília date: 2000-01-01 to 2095-12-31."
    ),
]
WindowDays = Annotated[int, typer.Option("--days", help="Days of the window: 1 to 730.")]
PastDays = Annotated[
    int,
    typer.Option("--past-days", help="Days before the window, at the same pace: 0 to 730."),
]
Prevalence = Annotated[
    str, typer.Option("--prevalence", help="natural, enriched or a share of frauds to 0.05.")
]
Difficulty = Annotated[
    str, typer.Option("--difficulty", help="easy, standard or hard: how frauds hide.")
]
Format = Annotated[str, typer.Option("--format", help="csv, jsonl or parquet.")]
Compression = Annotated[
    str | None,
    typer.Option("--compression", help="none, gzip, zstd or snappy. [default: as the format]"),
]
KeepOneIn = Annotated[
    int,
    typer.Option(
        "--keep-one-in",
        help="1 to 10000: all frauds, one in so many of the rest by stratum, and weights.",
    ),
]
Adversary = Annotated[
    str,
    typer.Option(
        "--adversary", help="static, or adaptive: fraudsters learn what --policy lets through."
    ),
]
AgainstPolicy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="What stops transfers: allow (nothing) or rules. [default: rules where adaptive]",
    ),
]

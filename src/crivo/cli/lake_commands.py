"""`crivo lake`: refine, rebuild, show, lineage, tables, features, training-set, compact, vacuum."""

from __future__ import annotations

from typing import Annotated

import typer

from crivo.cli.options import (
    COUNT_MAX,
    DAYS_MAX,
    Home,
    Json,
    LabelDelayDays,
    LabelsAsOf,
    Limit,
    Log,
    SilentOneIn,
)

lake = typer.Typer(
    no_args_is_help=True, help="The lake: the log refined into tables, and reading them."
)

Table = Annotated[str, typer.Argument(help="A table, such as gold.volumes_hourly.")]


@lake.command("refine")
def lake_refine(home: Home = None, log: Log = None, as_json: Json = False) -> None:
    """Take what is new in the log into bronze, and refine it into silver and gold."""
    from crivo.cli.lake import run_lake_refine

    run_lake_refine(home=home, log=log, as_json=as_json)


@lake.command("rebuild")
def lake_rebuild(
    layer: Annotated[str, typer.Argument(help="The layer to make anew: silver (and gold).")],
    source: Annotated[str, typer.Option("--from", help="The layer to make it of: bronze.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make silver and gold anew from bronze, without the log."""
    from crivo.cli.lake import run_lake_rebuild

    run_lake_rebuild(layer, source=source, home=home, as_json=as_json)


@lake.command("show")
def lake_show(
    table: Table,
    version: Annotated[
        int | None,
        typer.Option("--version", min=0, max=COUNT_MAX, help="As it was at that version."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="As it was then: 2026-11-23T12:00:00Z, or a date.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="Rows with NAME=VALUE alone.")
    ] = None,
    limit: Limit = 20,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print rows of a table, as it is or as it was."""
    from crivo.cli.lake import run_lake_show

    if version is not None and at is not None:
        raise typer.BadParameter("--version and --at are two ways to say one thing")
    run_lake_show(
        table, version=version, at=at, where=where or (), limit=limit, home=home, as_json=as_json
    )


@lake.command("lineage")
def lake_lineage(
    table: Table,
    key: Annotated[list[str], typer.Option("--key", help="NAME=VALUE of each key of the table.")],
    limit: Limit = 20,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print which events of bronze a row of gold was made of: stream, partition, offset."""
    from crivo.cli.lake import run_lake_lineage

    run_lake_lineage(table, key=key, limit=limit, home=home, as_json=as_json)


@lake.command("tables")
def lake_tables(home: Home = None, as_json: Json = False) -> None:
    """List the tables that there are, with their versions and the rules of their rows."""
    from crivo.cli.lake import run_lake_tables

    run_lake_tables(home=home, as_json=as_json)


@lake.command("features")
def lake_features(home: Home = None, as_json: Json = False) -> None:
    """Fold bronze into the feature table, and keep the state for the next start."""
    from crivo.cli.lake_features import run_lake_features

    run_lake_features(home=home, as_json=as_json)


@lake.command("training-set")
def lake_training_set(
    name: Annotated[str, typer.Argument(help="The set's name: gold.training_set_NAME.")],
    labels_as_of: LabelsAsOf = None,
    label_delay_days: LabelDelayDays = 7,
    silent_one_in: SilentOneIn = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a training set into gold: vectors and batch features as known then, labels as of T."""
    from crivo.cli.lake_features import GoldSetOptions, run_lake_training_set

    run_lake_training_set(
        GoldSetOptions(
            name=name,
            labels_as_of=labels_as_of,
            label_delay_days=label_delay_days,
            silent_one_in=silent_one_in,
            home=home,
            as_json=as_json,
        )
    )


@lake.command("compact")
def lake_compact(home: Home = None, as_json: Json = False) -> None:
    """Make few files of many; what a reader sees stays the same."""
    from crivo.cli.lake import run_lake_compact

    run_lake_compact(home=home, as_json=as_json)


@lake.command("vacuum")
def lake_vacuum(
    hours: Annotated[
        int,
        typer.Option(
            "--hours",
            min=0,
            max=24 * DAYS_MAX,
            help="Keep what a version of the last hours needs.",
        ),
    ] = 168,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Delete rows past their retention, and files that no version of the last hours needs."""
    from crivo.cli.lake import run_lake_vacuum

    run_lake_vacuum(hours=hours, home=home, as_json=as_json)

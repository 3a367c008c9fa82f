"""`crivo backtest` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json, LabelDelayDays, LabelsAsOf, Log, TrainingSeed


def backtest(
    since: Annotated[
        str | None, typer.Option("--from", help="Only decisions received since (RFC 3339, Z).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Only decisions received before (RFC 3339, Z).")
    ] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option("--policy", help="A policy folder (repeatable). [default: those then]"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="A hash or alias (repeatable). [default: those then]"),
    ] = None,
    imported: Annotated[
        bool, typer.Option("--imported", help="Judge imported transfers, which nobody decided.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, max=64, help="Processes. [default: all cores, for a long log]"
        ),
    ] = None,
    labels_as_of: LabelsAsOf = None,
    label_delay_days: LabelDelayDays = 7,
    resamples: Annotated[
        int, typer.Option("--resamples", min=1, max=10_000, help="Draws for the intervals.")
    ] = 200,
    seed: TrainingSeed = 0,
    html: Annotated[Path | None, typer.Option("--html", help="File to write the page to.")] = None,
    home: Home = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Judge the log's decisions again by other policies and models, and say what it changes."""
    from crivo.cli.backtest import BacktestOptions, run_backtest

    run_backtest(
        BacktestOptions(
            home=home,
            log=log,
            since=since,
            until=until,
            policies=tuple(policy or ()),
            models=tuple(model or ()),
            labels_as_of=labels_as_of,
            label_delay_days=label_delay_days,
            resamples=resamples,
            seed=seed,
            html=html,
            as_json=as_json,
            is_imported=imported,
            processes=processes,
        )
    )

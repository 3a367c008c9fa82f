"""`crivo train` as it is typed: its options, and what they are together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import COUNT_MAX, Home, Json, Log, Mapping, TrainingSeed

Tries = Annotated[
    int,
    typer.Option(
        "--tries", min=1, max=COUNT_MAX, help="Configurations to search; goes on if stopped."
    ),
]


def train(
    home: Home = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="A table of transfers or of plain rows, not the log."),
    ] = None,
    mapping: Mapping = None,
    labels_as_of: Annotated[
        str | None, typer.Option("--labels-as-of", help="Use reports known by then. [default: end]")
    ] = None,
    seed: TrainingSeed = 7,
    allow_leak: Annotated[
        str | None, typer.Option("--allow-leak", help="Your name: overrides the leak alarm.")
    ] = None,
    tries: Tries = 1,
    resampling: Annotated[
        str, typer.Option("--resampling", help="Of training rows: none, weights, under or smote.")
    ] = "none",
    calibrator: Annotated[
        str, typer.Option("--calibrator", help="beta, platt, or isotonic (from 1,000 frauds on).")
    ] = "beta",
    calibration_share: Annotated[
        float | None,
        typer.Option(
            "--calibration-share",
            help="Share of rows to calibrate on, a fit for each 0.15. [0.3; of few frauds 0.15]",
        ),
    ] = None,
    challenger: Annotated[
        str, typer.Option("--challenger", help="network: one in a shadow, beside the forest.")
    ] = "none",
    learner: Annotated[
        str, typer.Option("--learner", help="forest, or logistic: a regression that may serve.")
    ] = "forest",
    apart: Annotated[
        float | None,
        typer.Option("--apart", help="Share of payers that are judged and never learnt from."),
    ] = None,
    without_compromised: Annotated[
        bool,
        typer.Option("--without-compromised", help="Judge no payer with a fraud already known."),
    ] = False,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Train, calibrate and register a model as candidate; the first one becomes the champion."""
    from crivo.cli.train import TrainFlags, run_train

    flags = TrainFlags(
        home=home,
        data=data,
        mapping=mapping,
        labels_as_of=labels_as_of,
        seed=seed,
        allow_leak=allow_leak,
        tries=tries,
        resampling=resampling,
        calibrator=calibrator,
        calibration_share=calibration_share,
        challenger=challenger,
        apart=apart,
        without_compromised=without_compromised,
        learner=learner,
        log=log,
    )
    run_train(flags, as_json=as_json)

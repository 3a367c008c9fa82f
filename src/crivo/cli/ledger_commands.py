"""`crivo ledger`: verify, show, checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json, PhaseOption
from crivo.domain.phase import Phase

ledger = typer.Typer(
    no_args_is_help=True, help="The signed chain of decisions: verify, show, checkpoint."
)

Segments = Annotated[
    Path | None,
    typer.Option("--segments", help="Folder of the segments. [default: the home folder's]"),
]
Log = Annotated[
    Path | None, typer.Option("--log", help="The log's file. [default: the home folder's]")
]


@ledger.command("verify")
def ledger_verify(
    home: Home = None,
    log: Log = None,
    segments: Segments = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="What `crivo ledger checkpoint` printed, kept apart."),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="File of the public key, kept apart.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option("--proof", help="Only this proof of `crivo ledger show`.")
    ] = None,
    end_to_end_id: Annotated[
        str | None,
        typer.Option("--id", help="EndToEndId of the decision that --proof is to be of."),
    ] = None,
    phase: PhaseOption = Phase.INITIATION,
    as_json: Json = False,
) -> None:
    """Find any decision record that was changed, deleted, inserted, moved or cut off, and where."""
    from crivo.cli.ledger import Files, run_ledger_verify, run_ledger_verify_proof

    files = Files(home, log, segments, public_key)
    if proof is not None:
        run_ledger_verify_proof(
            files, proof, end_to_end_id=end_to_end_id, phase=phase, as_json=as_json
        )
        return
    if end_to_end_id is not None:
        raise typer.BadParameter("--id says of which decision a --proof is to be: name the proof")
    run_ledger_verify(files, checkpoint=checkpoint, as_json=as_json)


@ledger.command("show")
def ledger_show(
    end_to_end_id: Annotated[str, typer.Argument(help="EndToEndId of the decision.")],
    home: Home = None,
    phase: PhaseOption = Phase.INITIATION,
    log: Log = None,
    segments: Segments = None,
    as_json: Json = False,
) -> None:
    """Print the proof that a decision is in the ledger; --json as `verify --proof` reads it."""
    from crivo.cli.ledger import Files, run_ledger_show

    run_ledger_show(end_to_end_id, Files(home, log, segments, None), phase=phase, as_json=as_json)


@ledger.command("checkpoint")
def ledger_checkpoint(home: Home = None, segments: Segments = None) -> None:
    """Print the newest segments as JSON: keep it elsewhere, and a cut-off log is found by it."""
    from crivo.cli.ledger import Files, run_ledger_checkpoint

    run_ledger_checkpoint(Files(home, None, segments, None))

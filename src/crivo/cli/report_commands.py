"""`crivo report`: decision, review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crivo.cli.options import Home, Json, PhaseOption
from crivo.domain.phase import Phase

report = typer.Typer(no_args_is_help=True, help="Reports of one decision: decision, review.")

Id = Annotated[str, typer.Argument(help="EndToEndId of the decision.")]
Html = Annotated[Path | None, typer.Option("--html", help="File to write the page to.")]
Side = Annotated[
    str | None,
    typer.Option(
        "--side",
        help="Whose public texts it shows: payer or payee (default: the payer's of an initiation, "
        "the payee's of a settlement).",
    ),
]


@report.command("decision")
def report_decision(
    end_to_end_id: Id, home: Home = None, side: Side = None,
    phase: PhaseOption = Phase.INITIATION, html: Html = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Report one automated decision: inputs, versions, reasons, time line, reviews."""
    from crivo.cli.report import run_report

    run_report(
        end_to_end_id, home=home, side=side, phase=phase, html=html, as_json=as_json,
        is_pack=False,
    )  # fmt: skip


@report.command("review")
def report_review(
    end_to_end_id: Id, home: Home = None, side: Side = None,
    phase: PhaseOption = Phase.INITIATION, html: Html = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The pack for the review of a decision by a person (LGPD, art. 20): criteria and factors."""
    from crivo.cli.report import run_report

    run_report(
        end_to_end_id, home=home, side=side, phase=phase, html=html, as_json=as_json,
        is_pack=True,
    )  # fmt: skip

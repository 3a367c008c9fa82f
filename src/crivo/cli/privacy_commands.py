"""`crivo erase` and `crivo reveal`."""

from __future__ import annotations

from typing import Annotated

import typer

from crivo.cli.options import Home, Json, Log, PhaseOption
from crivo.domain.phase import Phase

By = Annotated[str, typer.Option("--by", help="Who asks; stands in the event.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the event. Name nobody.")]


def erase(
    person: Annotated[str, typer.Argument(help="Tax id, or the id that decisions carried.")],
    by: By,
    reason: Reason,
    home: Home = None,
    log: Log = None,
    override: Annotated[
        bool, typer.Option("--override", help="Who asks answers for erasing within the retention.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete a person's key, so that nobody can read what was sealed under it; ledger and features
    stay as they are.
    """
    from crivo.cli.privacy import run_erase

    run_erase(person, home=home, log=log, by=by, reason=reason, overrides=override, as_json=as_json)


def reveal(
    end_to_end_id: Annotated[str, typer.Argument(help="EndToEndId of the decision.")],
    by: By,
    reason: Reason,
    phase: PhaseOption = Phase.INITIATION,
    home: Home = None,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Show what the parties of a decision are called; an event says who looked, and why."""
    from crivo.cli.privacy import run_reveal

    run_reveal(
        end_to_end_id, phase=phase, home=home, log=log, by=by, reason=reason, as_json=as_json
    )

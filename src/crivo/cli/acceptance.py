"""`crivo simulate --report`: compares a world with the official figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crivo.cli.game import check_nothing_stopped
from crivo.cli.output import print_facts, print_json, print_table, progress_bar
from crivo.cli.simulate_folders import check_apart
from crivo.cli.stopping import cleaned_up
from crivo.domain.errors import Code, Unfit, invalid

if TYPE_CHECKING:
    from crivo.cli.simulate import SimulateFlags
    from crivo.simulator.acceptance.finding import Outcome


def run_asked(flags: SimulateFlags, *, writes: bool, report: Path | None, as_json: bool) -> None:
    """`crivo simulate`: writes the world where it shall be kept, and the report asked for."""
    from crivo.cli.simulate import run_simulate

    if report is not None:
        if writes:
            check_apart(flags.out, report)
        _check_no_scenario(flags)
        check_nothing_stopped(
            flags.adversary,
            flags.policy,
            "--report",
            "The official figures are those of a world against which nothing is played.",
        )
    with cleaned_up():
        if report is not None:
            from crivo.adapters.acceptance_report.writer import check_place

            check_place(report, replace=flags.replace)
        if writes:
            run_simulate(flags, as_json=as_json and report is None)
        if report is not None:
            run_acceptance(flags, report, as_json=as_json)


def _check_no_scenario(flags: SimulateFlags) -> None:
    if flags.scenarios:
        raise invalid(
            Code.FIELD_VALUE,
            field="scenario",
            expected="left out with --report",
            found=" ".join(flags.scenarios),
            hint="The official figures are those of months in which no provider was breached.",
        )


def run_acceptance(flags: SimulateFlags, folder: Path, *, as_json: bool) -> None:
    """Walks through the world of these flags once and writes the report.

    Raises:
        Refused: FIELD_VALUE. Unavailable: FILE_UNWRITABLE. Unfit: WORLD_DIFFERS.
    """
    from crivo.adapters.acceptance_report.page import looked_at
    from crivo.adapters.acceptance_report.writer import PAGE, document, write_report
    from crivo.cli.simulate import planned_world
    from crivo.simulator.acceptance.finding import Verdict, judged
    from crivo.simulator.acceptance.walk import walk
    from crivo.simulator.options import NATURAL_PREVALENCE

    world = planned_world(flags)
    options = world.options
    with progress_bar("looked at", unit="transfers") as progress:
        tally = walk(world, progress)
    outcomes = judged(tally, natural=options.prevalence == NATURAL_PREVALENCE)
    write_report(folder, options, tally.transfers, outcomes, replace=flags.replace)
    if as_json:
        print_json(document(options, tally.transfers, outcomes))
    else:
        rows = [_row(outcome, tally.transfers) for outcome in outcomes]
        columns = ("check", "tolerance", "verdict", "remark")
        print_table("Against the official figures", columns, rows)
        seen = looked_at(options, tally.transfers)
        print_facts("The report lies in", {"page": folder / PAGE, "looked at": seen})
    failed = [outcome.check for outcome in outcomes if outcome.verdict is Verdict.FAILS]
    if failed:
        names = ", ".join(f"{check.number} ({check.name})" for check in failed)
        raise Unfit(
            Code.WORLD_DIFFERS,
            f"The world differs from the official figures in check {names}",
            hint=f"{folder / PAGE} says in which parts, and by how much.",
        )


def _row(outcome: Outcome, transfers: int) -> tuple[str, str, str, str]:
    check = outcome.check
    name = f"{check.number}. {check.name}"
    return name, check.tolerance, str(outcome.verdict), outcome.remark(transfers)

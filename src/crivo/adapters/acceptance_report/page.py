"""The acceptance report as one HTML page: a table of all checks, and a plot of each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from crivo.adapters.acceptance_report.plot import COLOURS, picture_of
from crivo.simulator.acceptance.finding import Finding, Outcome, Verdict
from crivo.simulator.options import SimulationOptions

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #dfe6ec; padding: .2rem .5rem; text-align: right; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
small { color: #5b6b7b; }
"""


_RULE: Final = (
    "Each figure is compared with what the regulator published; one whose standard error does not "
    "fit its tolerance three times says that it cannot decide, unless it lies far outside; nor can "
    "one that lies outside by less than two of them. How many transfers would decide is reckoned "
    "from the error, which falls with their root; of key types how many keys would, which "
    "grow with the users (--scale) and not with days. Checks 1 to 8 are asked of honest transfers."
)


def page(options: SimulationOptions, transfers: int, outcomes: Sequence[Outcome]) -> str:
    """The page; it loads nothing from anywhere."""
    made = f"Seed {options.seed}, {looked_at(options, transfers)}, prevalence {options.prevalence}."
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>Acceptance of a simulated world</title><style>{_STYLE}</style></head><body>",
        "<h1>Acceptance of a simulated world</h1>",
        f"<p>{made} {_RULE}</p>",
        _summary(outcomes, transfers),
        *(_section(outcome, transfers) for outcome in outcomes),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def looked_at(options: SimulationOptions, transfers: int) -> str:
    """How many transfers, and over which days."""
    window = f"{options.days} days from {options.start}"
    if options.past_days == 0:
        return f"{transfers:,} transfers in {window}"
    return (
        f"{transfers:,} transfers: {options.past_transfers:,} in {options.past_days} days of past "
        f"and {options.window_transfers:,} in the window, {window}"
    )


def _summary(outcomes: Sequence[Outcome], transfers: int) -> str:
    rows = "".join(
        f"<tr><td>{one.check.number}. {escape(one.check.name)}</td>"
        f"<td>{escape(one.check.tolerance)}</td>{_verdict(one)}"
        f"<td>{escape(one.remark(transfers))}</td></tr>"
        for one in outcomes
    )
    head = "<tr><th>check</th><th>tolerance</th><th>verdict</th><th>remark</th></tr>"
    return f"<table>{head}{rows}</table>"


def _section(outcome: Outcome, transfers: int) -> str:
    check = outcome.check
    title = f"<h2>{check.number}. {escape(check.name)}</h2>"
    if outcome.verdict is Verdict.NOT_HERE:
        return f"{title}<p>Not in this world: {escape(outcome.because)}.</p>"
    rows = "".join(_row(finding, transfers, check.sample_unit) for finding in outcome.findings)
    head = "<tr>" + "".join(
        f"<th>{name}</th>"
        for name in (
            "part",
            "unit",
            "target",
            "allowed",
            "found",
            "standard error",
            "verdict",
            "needs",
        )
    )
    return (
        f"{title}"
        f"<p><small>{escape(check.source)} Tolerance: {escape(check.tolerance)}.</small></p>"
        f"{picture_of(outcome)}<table>{head}</tr>{rows}</table>"
    )


def _row(finding: Finding, transfers: int, sample_unit: str) -> str:
    error = "-" if finding.standard_error is None else f"{finding.standard_error:,.4g}"
    cells = (
        escape(finding.part),
        escape(finding.unit),
        f"{finding.target:,.6g}",
        f"{finding.low:,.6g} to {finding.high:,.6g}",
        f"{finding.found:,.6g}",
        error,
    )
    needs = _needs(finding, transfers, sample_unit)
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr>{shown}{_verdict(finding)}<td>{needs}</td></tr>"


def _needs(finding: Finding, transfers: int, sample_unit: str) -> str:
    if finding.standard_error is None:
        return escape(finding.lacks)
    needed = finding.needed(transfers)
    return "" if needed is None else f"some {needed:,} {sample_unit}"


def _verdict(judged: Outcome | Finding) -> str:
    return f'<td style="color:{COLOURS[judged.verdict]}">{judged.verdict}</td>'

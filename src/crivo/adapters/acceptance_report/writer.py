"""Writes an acceptance report into a folder: `acceptance.html`, `acceptance.json`, the plots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from crivo.adapters.acceptance_report.page import page
from crivo.adapters.acceptance_report.plot import picture_of
from crivo.domain.errors import Code, Unavailable
from crivo.simulator.acceptance.finding import Check, Outcome
from crivo.simulator.options import SimulationOptions

PAGE: Final = "acceptance.html"
DOCUMENT: Final = "acceptance.json"


def plot_name(check: Check) -> str:
    """The file of a check's plot."""
    return f"check-{check.number:02d}.svg"


def document(
    options: SimulationOptions, transfers: int, outcomes: Sequence[Outcome]
) -> dict[str, object]:
    """The report as values of JSON."""
    return {
        "options": {
            "seed": options.seed,
            "start": options.start.isoformat(),
            "days": options.days,
            "past_days": options.past_days,
            "scale": str(options.scale),
            "prevalence": str(options.prevalence),
        },
        "transfers": transfers,
        "checks": [
            {
                "number": outcome.check.number,
                "name": outcome.check.name,
                "source": outcome.check.source,
                "tolerance": outcome.check.tolerance,
                "verdict": str(outcome.verdict),
                "findings": [
                    {
                        "part": finding.part,
                        "unit": finding.unit,
                        "target": finding.target,
                        "low": finding.low,
                        "high": finding.high,
                        "found": finding.found,
                        "standard_error": finding.standard_error,
                        "verdict": str(finding.verdict),
                    }
                    for finding in outcome.findings
                ],
            }
            for outcome in outcomes
        ],
    }


def write_report(
    folder: Path, options: SimulationOptions, transfers: int, outcomes: Sequence[Outcome]
) -> None:
    """Writes all files or, where one cannot be written, none; a report that lies there gives way.

    Raises:
        Unavailable: FILE_UNWRITABLE.
    """
    text = json.dumps(document(options, transfers, outcomes), indent=2) + "\n"
    contents = {PAGE: page(options, transfers, outcomes), DOCUMENT: text}
    for outcome in outcomes:
        contents[plot_name(outcome.check)] = picture_of(outcome) + "\n"
    asides = {name: folder / f".{name}.new" for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for name, content in contents.items():
                asides[name].write_text(content, encoding="utf-8")
            for name, aside in asides.items():
                aside.replace(folder / name)
        finally:
            for aside in asides.values():
                aside.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"The report cannot be written to {folder}: {error.strerror or error}",
            hint="Make room or name another folder.",
            folder=str(folder),
        ) from error

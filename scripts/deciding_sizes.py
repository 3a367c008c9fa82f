"""Prints from how many transfers on each check decides, reckoned from acceptance reports.

`python -m scripts.deciding_sizes small large ...`, each a folder of `crivo simulate --report`.
Errors fall with the root of the transfers, or nearly: a report of a size near to what it says is
the better witness.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crivo.simulator.acceptance.finding import Finding


def table(reports: Sequence[dict[str, Any]]) -> str:
    """A row a check as Markdown, a column a report: the part that needs most, and how many
    transfers, or what else the check counts.
    """
    heads = [f"from {report['transfers']:,}" for report in reports]
    lines = ["| " + " | ".join(["check", *heads]) + " |", "|" + "---|" * (1 + len(heads))]
    for checks in zip(*(report["checks"] for report in reports), strict=True):
        cells = [
            _cell(check["findings"], report["transfers"], check["sample_unit"])
            for check, report in zip(checks, reports, strict=True)
        ]
        name = f"{checks[0]['number']}. {checks[0]['name']}"
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _cell(findings: Sequence[dict[str, Any]], transfers: int, sample_unit: str) -> str:
    needed = []
    for each in findings:
        finding = Finding(
            each["part"],
            each["unit"],
            each["target"],
            each["low"],
            each["high"],
            each["found"],
            each["standard_error"],
            sample=each["sample"],
        )
        wanted = finding.needed_to_fit(transfers)
        if finding.standard_error is None:
            return f"cannot be reckoned ({finding.part})"
        if wanted is not None:
            needed.append((wanted, finding.part))
    if not needed:
        return "any"
    most, part = max(needed)
    unit = "" if sample_unit == "transfers" else f" {sample_unit}"
    return f"{most:,}{unit} ({part})"


if __name__ == "__main__":
    files = [Path(folder) / "acceptance.json" for folder in sys.argv[1:]]
    print(table([json.loads(file.read_text(encoding="utf-8")) for file in files]))

"""Prints the table of docs/explanation/acceptance.md from the long run's reports, a column a seed.

`python -m scripts.long_run long-1 long-2 ...`, each the folder of one `crivo simulate --report`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

#: The rows: check, part, how it is called, what the page says is official and allowed, decimals.
ROWS: Final[tuple[tuple[int, str, str, str, int], ...]] = (
    (1, "18h", "18:00 to 19:00, % of count", "6.86 ± 0.2", 3),
    (2, "value", "20:00 to 06:00, % of value", "8.5 ± 1", 2),
    (3, "value, Monday", "Monday's value, factor", "1.49 ± 0.08", 3),
    (3, "value, Sunday", "Sunday's value, factor", "0.23 ± 0.08", 3),
    (4, "count", "fifth business day, factor", "1.14 to 1.18 ± 0.04", 3),
    (5, "P2P, mean", "P2P, mean in R$", "267.41 ± 5 %", 1),
    (5, "P2B, mean", "P2B, mean in R$", "110.58 ± 5 %", 1),
    (5, "B2B, mean", "B2B, mean in R$", "5,392 ± 5 %", 0),
    (5, "B2G, mean", "B2G, mean in R$", "1,987 ± 5 %", 0),
    (6, "QRDN", "dynamic codes, % of count", "43.14 ± 1", 2),
    (7, "value", "inside one institution, % of value", "15 ± 1", 2),
    (8, "below R$ 100", "below R$ 100, % of count", "61.5 ± 2", 2),
    (9, "accepted", "accepted of 100,000", "3.8 to 4.7", 2),
    (10, "contested", "contested for each accepted", "9 to 11", 2),
    (11, "mean", "mean accepted fraud in R$", "2,100 to 2,600", 0),
    (12, "full", "back in full, % of accepted value", "12.5 ± 3", 1),
    (12, "no balance", "no balance, % of accepted value", "51.7 ± 3", 1),
    (12, "account closed", "account closed, % of accepted value", "2.1 ± 3", 1),
    (12, "partial, left", "left of partial returns, % of accepted value", "25.1 ± 3", 1),
    (13, "by count", "blocks that were right, % of count", "28.7, same order", 1),
    (13, "by value", "blocks that were right, % of value", "2, same order", 2),
    (14, "legal persons", "legal persons, % of frauds' value", "65 ± 5", 1),
)


def table(reports: Sequence[dict[str, Any]]) -> str:
    """The rows above as Markdown, a column a report, standard errors in brackets; then verdicts.

    Raises:
        KeyError: a report lacks one of these figures.
    """
    seeds = [f"seed {report['options']['seed']}" for report in reports]
    lines = ["| " + " | ".join(["figure", "official, allowed", *seeds]) + " |"]
    lines.append("|" + "---|" * (2 + len(seeds)))
    findings = [_findings(report) for report in reports]
    for number, part, name, official, decimals in ROWS:
        cells = [_cell(found[number, part], decimals) for found in findings]
        lines.append("| " + " | ".join([name, official, *cells]) + " |")
    for seed, report in zip(seeds, reports, strict=True):
        verdicts = [check["verdict"] for check in report["checks"]]
        held = sum(verdict == "holds" for verdict in verdicts)
        lines.append(f"{seed}: {held} of {len(verdicts)} checks hold")
    return "\n".join(lines)


def _findings(report: dict[str, Any]) -> dict[tuple[int, str], dict[str, Any]]:
    return {
        (check["number"], finding["part"]): finding
        for check in report["checks"]
        for finding in check["findings"]
    }


def _cell(finding: dict[str, Any], decimals: int) -> str:
    found, error = finding["found"], finding["standard_error"]
    return f"{found:,.{decimals}f} ({error:.{decimals}f})"


if __name__ == "__main__":
    files = [Path(folder) / "acceptance.json" for folder in sys.argv[1:]]
    print(table([json.loads(file.read_text(encoding="utf-8")) for file in files]))

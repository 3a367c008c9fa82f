"""Writes the tables of docs/explanation/capacity.md from docs/reference/figures/capacity.json.

`python -m scripts.capacity_page`, after `python -m benchmarks capacity --json …` wrote the record.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
RECORD: Final = ROOT / "docs" / "reference" / "figures" / "capacity.json"
PAGE: Final = ROOT / "docs" / "explanation" / "capacity.md"

BEGIN, END = "<!-- reckoned -->\n", "<!-- end of reckoned -->\n"

_MEAN: Final = " over the mean, "
_AMONG: Final = ("simulated payers", "accounts of a power law of 1.1")
_RATES: Final = ("8,000", "100,000", "1,000,000")
_MACHINE: Final = "machines of 16 cores and 128 GiB for "

Found = dict[str, float | None]


def record() -> Found:
    """The figure of each row by its name, without the reason where none was taken."""
    rows = json.loads(RECORD.read_text(encoding="utf-8"))
    return {row["what"].split(" (not run")[0]: row["found"] for row in rows}


def terms(found: Found) -> str:
    """What an event costs, as it was recorded."""
    names = ("to read and fold an event", "to decide one, on top", "a key of state")
    units = ("µs of processor time", "µs of processor time", "bytes")
    lines = ["| what | recorded |\n", "|---|---|\n"]
    for name, unit in zip(names, units, strict=True):
        lines.append(f"| {name} | {_number(found[f'{name} (recorded)'])} {unit} |\n")
    return "".join(lines)


def skew(found: Found) -> str:
    """How unequal partitions and workers are."""
    lines = [
        "| over the mean, times | payers of a simulated world | accounts of a power law |\n",
        "|---|---|---|\n",
    ]
    for name in dict.fromkeys(each.split(_MEAN)[0] for each in found if _MEAN in each):
        cells = [_number(found[f"{name}{_MEAN}{who}"]) for who in _AMONG]
        lines.append(f"| {name} | {' | '.join(cells)} |\n")
    return "".join(lines)


def needs(found: Found) -> str:
    """Cores, memory and machines by rate."""
    heads = ("transfers a second", "cores, each with all state", "cores, state in shards")
    lines = [f"| {' | '.join(heads)} | state once, GiB | machines |\n", "|---|---|---|---|---|\n"]
    for rate in _RATES:
        cores = f"cores for {rate}/s, brokers apart, "
        cells = [
            _number(found[f"{cores}each with all state"], none="no number of them"),
            _number(found[f"{cores}state in shards"]),
            _number(found[f"state at {rate}/s, once"]),
            _number(found[f"{_MACHINE}{rate}/s, state in shards"]),
        ]
        lines.append(f"| {rate} | {' | '.join(cells)} |\n")
    return "".join(lines)


def with_tables(text: str) -> str:
    """The page with its tables as the record has them."""
    parts = text.split(BEGIN)
    tables = (terms, skew, needs)
    assert len(parts) == len(tables) + 1, "three tables, each between its marks"
    found = record()
    made = [parts[0]]
    for table, part in zip(tables, parts[1:], strict=True):
        made.append(f"{BEGIN}\n{table(found)}\n{END}{part.split(END, maxsplit=1)[1]}")
    return "".join(made)


def _number(value: float | None, *, none: str = "–") -> str:
    if value is None:
        return none
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

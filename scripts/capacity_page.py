"""Writes what docs/explanation/capacity.md says of docs/reference/figures/capacity.json.

`python -m scripts.capacity_page`, after `python -m benchmarks capacity --json …` wrote the record:
its tables, and each sentence that names a figure of it or says where one comes from.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity import DECIDED, FILLED, KEY_BYTES, MACHINE_GIB

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "reference" / "figures"
PAGE: Final = ROOT / "docs" / "explanation" / "capacity.md"

BEGIN, END = "<!-- reckoned -->\n", "<!-- end of reckoned -->\n"

_MEAN: Final = " over the mean, "
_AMONG: Final = ("simulated payers", "accounts of a power law of 1.1")
_RATES: Final = ("8,000", "100,000", "1,000,000")
_MACHINE: Final = "machines of 16 cores and 128 GiB for "

Found = dict[str, float | None]


def record() -> Found:
    """The figure of each row by its name, without the reason where none was taken."""
    return {row["what"].split(" (not run")[0]: row["found"] for row in _rows("capacity")}


def _rows(benchmark: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(
        (FOLDER / f"{benchmark}.json").read_text(encoding="utf-8")
    )
    return rows


def terms(found: Found) -> str:
    """What an event costs, as it was recorded."""
    names = ("to read and fold an event", "to decide one, on top", "a key of state")
    units = ("µs of processor time", "µs of processor time", "bytes")
    lines = ["| what | recorded |\n", "|---|---|\n"]
    for name, unit in zip(names, units, strict=True):
        lines.append(f"| {name} | {_number(found[f'{name} (recorded)'])} {unit} |\n")
    return "".join(lines)


def origin(_found: Found) -> str:
    """Of which runs these are."""
    engines, features = _rows("engines"), _rows("features")
    decided = next(row for row in engines if row["what"] == DECIDED)
    key = next(row for row in features if row["what"] == KEY_BYTES)
    return (
        "The first two are of `python -m benchmarks engines` "
        f"({_runs(decided, load=engines[0])}): "
        "transfers of a simulated world, the whole catalogue, rules, policy and a forest trained "
        "there, from broker to broker. The last is of `python -m benchmarks features` "
        f"({_runs(key, load=features[0])}).\n"
    )


def _runs(row: dict[str, Any], *, load: dict[str, Any]) -> str:
    """When and how often a row was taken, and beside which load, as its file's first row says."""
    assert load["what"].startswith("load"), load["what"]
    runs = "one run" if row["runs"] == 1 else f"the median of {row['runs']} runs"
    return (
        f"{row['date']}, {runs} on {row['machine']}, where the load was {load['found']:.1f} before"
    )


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


def outcome(found: Found) -> str:
    """What costs most, in a sentence or two."""
    rate = _RATES[0]
    cores = _number(
        found[f"cores for {rate}/s, brokers apart, each with all state"], none="no number of"
    )
    machines = _number(found[f"{_MACHINE}{rate}/s, state in shards"])
    state = found[f"state at {rate}/s, once"] or 0.0
    return (
        f"* **Memory, not cores, is what all of Pix costs.** Deciding {rate} transfers a second "
        f"takes {cores} {'core' if cores == '1' else 'cores'}. "
        "The state of all users of the country "
        f"takes {machines} machines, because it lies in memory whole.\n"
        f"* One institution has a share of both. A bank with a tenth of the users holds "
        f"{_number(state / 10)} GiB: {math.ceil(state / 10 / (FILLED * MACHINE_GIB))} such "
        "machines, and as many again for the day one fails.\n"
    )


#: What is between the marks of the page, in its order.
PARTS: Final = (terms, origin, skew, needs, outcome)


def with_record(text: str) -> str:
    """The page with its tables and sentences as the record has them."""
    pieces = text.split(BEGIN)
    assert len(pieces) == len(PARTS) + 1, "each part of the page between its marks"
    found = record()
    made = [pieces[0]]
    for part, piece in zip(PARTS, pieces[1:], strict=True):
        made.append(f"{BEGIN}\n{part(found)}\n{END}{piece.split(END, maxsplit=1)[1]}")
    return "".join(made)


def _number(value: float | None, *, none: str = "–") -> str:
    if value is None:
        return none
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    PAGE.write_text(with_record(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

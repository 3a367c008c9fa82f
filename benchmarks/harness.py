"""What all benchmarks share: rows with fixed names, the machine, the list of them."""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO

#: Modules of this package that are no benchmarks; packages hold what a benchmark needs.
_OWN: Final = frozenset({"__main__", "harness"})


class Bound(StrEnum):
    """How a target binds a figure."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. The names and their order are the JSON's keys, and but for the last three the
    table's columns.

    `found` is the median of `runs` runs and `spread` their range over it. `peer` is the figure
    beside it (another way, or the machine itself) and `ratio` is found / peer. `holds` is true
    where there is no target. Of what was not run there is neither: both are None, with 0 runs.
    `bound` says which side of the target is good: a figure that is on it does not. `quick` is
    whether it was taken in a small run, and `load` the machine's load average over the minute
    before it was done.
    """

    what: str
    unit: str
    target: float | None
    found: float | None
    holds: bool | None
    peer: float | None
    ratio: float | None
    spread: float | None
    runs: int
    machine: str
    date: str
    bound: Bound | None
    quick: bool
    load: float


#: What the JSON alone says; older files say nothing of it.
BESIDE_TABLE: Final = frozenset({"bound", "quick", "load"})

COLUMNS: Final = tuple(field.name for field in fields(Row) if field.name not in BESIDE_TABLE)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is told: whether it is a quick one, on which machine, on which day (ISO)."""

    quick: bool
    machine: str
    date: str

    def row(
        self,
        what: str,
        unit: str,
        values: Sequence[float],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        peer: float | None = None,
    ) -> Row:
        """The row of one figure measured once a run; at most one of the targets is given."""
        assert values
        found = statistics.median(values)
        target, bound = _target(at_least, at_most)
        holds = (at_least is None or found >= at_least) and (at_most is None or found <= at_most)
        return Row(
            what=what,
            unit=unit,
            target=target,
            found=found,
            holds=holds,
            peer=peer,
            ratio=found / peer if peer else None,
            spread=(max(values) - min(values)) / found if found else 0.0,
            runs=len(values),
            machine=self.machine,
            date=self.date,
            bound=bound,
            quick=self.quick,
            load=os.getloadavg()[0],
        )

    def not_run(
        self,
        what: str,
        unit: str,
        why: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> Row:
        """The row of a figure that could not be taken: it neither holds nor fails."""
        target, bound = _target(at_least, at_most)
        return Row(
            what=f"{what} (not run: {why})",
            unit=unit,
            target=target,
            found=None,
            holds=None,
            peer=None,
            ratio=None,
            spread=None,
            runs=0,
            machine=self.machine,
            date=self.date,
            bound=bound,
            quick=self.quick,
            load=os.getloadavg()[0],
        )


def _target(at_least: float | None, at_most: float | None) -> tuple[float | None, Bound | None]:
    assert at_least is None or at_most is None, "one of the targets at most"
    if at_least is not None:
        return at_least, Bound.AT_LEAST
    return at_most, None if at_most is None else Bound.AT_MOST


Run = Callable[[Setting], Iterator[Row]]


def names() -> list[str]:
    """The benchmarks: each module of this package that is not the harness itself."""
    folder = str(Path(__file__).resolve().parent)
    found = (module for module in pkgutil.iter_modules([folder]) if not module.ispkg)
    return sorted(module.name for module in found if module.name not in _OWN)


def load(name: str) -> tuple[str, Run]:
    """The first line of a benchmark's docstring, and its `run`."""
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.__doc__, name
    return module.__doc__.splitlines()[0], module.run


def describe_machine() -> str:
    """The processor, the cores this process may use, and the interpreter."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, Python {platform.python_version()}"


def write_table(rows: Sequence[Row], out: TextIO) -> None:
    """The rows as a table with exactly the columns of `Row`."""
    cells = [list(COLUMNS)] + [[_shown(getattr(row, name)) for name in COLUMNS] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.write("  ".join(padded).rstrip() + "\n")


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "NO"
        case float() if abs(value) >= 1000:
            return f"{value:,.0f}"
        case float():
            return f"{value:.3g}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)

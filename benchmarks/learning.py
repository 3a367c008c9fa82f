"""Learning: every table of `learning_…` that has a target, in turn; the longer ones are named.

Some half an hour. Quick, the Handbook is judged by two test weeks after seven days of training
alone, the resampling of ULB alone is shown, the simulated world is a quarter as large, and fewer
rows are trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Final

from benchmarks import (
    learning_boosters,
    learning_calibration,
    learning_choose,
    learning_handbook,
    learning_handbook_long,
    learning_intervals,
    learning_pix,
    learning_resampling,
    learning_settings,
    learning_speed,
    learning_ulb,
)
from benchmarks.harness import Row, Setting

#: What is run, in this order.
TABLES: Final[tuple[ModuleType, ...]] = (
    learning_handbook,
    learning_handbook_long,
    learning_ulb,
    learning_pix,
    learning_resampling,
    learning_speed,
)
#: What chose or explains something that a page tells: each runs by its own name.
LONGER: Final[tuple[ModuleType, ...]] = (
    learning_boosters,
    learning_calibration,
    learning_choose,
    learning_intervals,
    learning_settings,
)


def run(setting: Setting) -> Iterator[Row]:
    """The rows of all tables, and a row for each that is left to its own command."""
    for table in TABLES:
        if setting.quick and table is learning_handbook_long:
            continue
        yield from table.run(setting)
    for table in LONGER:
        name = table.__name__.rpartition(".")[2]
        assert table.__doc__, name
        yield setting.not_run(table.__doc__.splitlines()[0], "", f"python -m benchmarks {name}")

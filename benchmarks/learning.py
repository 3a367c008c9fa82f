"""Learning: every table of `learning_…`, one after the other (some half an hour; `--quick`: less).

Quick, the Handbook is judged by two test weeks after seven days of training alone, the resampling
of ULB alone is shown, the simulated world is a quarter as large, and fewer rows are trained on.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import (
    learning_boosters,
    learning_handbook,
    learning_handbook_long,
    learning_pix,
    learning_resampling,
    learning_speed,
    learning_ulb,
)
from benchmarks.harness import Row, Setting


def run(setting: Setting) -> Iterator[Row]:
    """The rows of all of them."""
    for table in (
        learning_handbook,
        learning_handbook_long,
        learning_boosters,
        learning_ulb,
        learning_pix,
        learning_resampling,
        learning_speed,
    ):
        if setting.quick and table is learning_handbook_long:
            continue
        yield from table.run(setting)

"""The Handbook's test weeks after 90 days of training: the same rows judged, the same capacity.

What is fixed here is what seven days of training use, which was chosen on earlier weeks alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.handbook import FILE, PROTOCOL, handbook_dataset
from benchmarks.learning_handbook import SHORT, contenders
from crivo.bootstrap.service import serving_plan
from crivo.domain.instant import DAY

DAYS: Final = 90
#: LightGBM with 90 days and four more features, measured elsewhere before.
BEFORE: Final = {"average_precision": 0.729, "payer_precision": 0.311, "auc": 0.879}


def run(setting: Setting) -> Iterator[Row]:
    """The rows of ninety days of training."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    data = data_folder()
    yield from contenders(
        setting,
        handbook_dataset(data, serving_plan()),
        replace(PROTOCOL, train=DAYS * DAY),
        SHORT,
        what=f"Handbook, {DAYS} days of training",
        champion="champion (peer: measured before)",
        targets={"average_precision": 0.725, "payer_precision": 0.310},
        peers=BEFORE,
    )

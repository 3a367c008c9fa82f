"""The Handbook's test weeks after 90 days of training: the same rows judged, the same capacity.

What is fixed here is what seven days of training use, which was chosen on earlier weeks alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.handbook import PROTOCOL, handbook_dataset
from benchmarks.learning_handbook import SHORT, contenders
from crivo.bootstrap.service import serving_plan
from crivo.domain.instant import DAY

DAYS: Final = 90
#: LightGBM with 90 days and four more features, measured elsewhere before.
BEFORE: Final = {"average_precision": 0.729, "payer_precision": 0.311, "auc": 0.879}


def run(setting: Setting) -> Iterator[Row]:
    """The rows of ninety days of training."""
    data = Path(os.environ.get("CRIVO_DATA", "data"))
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

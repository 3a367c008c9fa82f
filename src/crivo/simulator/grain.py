"""The grain of the world's instants: whole milliseconds, as those of the rail.

Source: DICT API 2.12, whose timestamps are UTC with milliseconds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.draws import Int64s

#: In microseconds.
MILLISECOND: Final = 1000


def to_milliseconds(at: Int64s) -> Int64s:
    """The instants or spans, in microseconds, cut to the whole millisecond before."""
    return np.asarray(at // MILLISECOND * MILLISECOND, dtype=np.int64)

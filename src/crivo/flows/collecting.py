"""Python's collector in a process that answers: it need not look at what stays."""

from __future__ import annotations

import gc
from typing import Final

#: A collection of more than the youngest objects stops every answer for 30 ms and finds almost
#: nothing: one a few million new objects is enough. The youngest are few, because what a service
#: has just made it keeps: ten thousand of them took 5 to 10 ms.
GC_THRESHOLDS: Final = (1_000, 5_000, 10)


def settle_down() -> None:
    """What stands now stands for good: no collection looks at it again, and few look at all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)

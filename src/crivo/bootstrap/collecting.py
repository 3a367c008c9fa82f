"""What very many values cost beside themselves: looks for cycles among them, and their memory."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pyarrow as pa

#: Values that come to be before the collector looks; its own 700 are a third of an import's time.
YOUNG_VALUES: Final = 200_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Within, values are looked at seldom: those of an import are freed as they are let go of, and
    those that wait for their day's commit are walked through in vain.
    """
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_VALUES, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def give_back() -> None:
    """Gives memory that nothing uses back to the system: after an import, or a training.

    A table that was read is held by a cycle until Python looks, Arrow keeps what it freed for the
    next table, and so does glibc where something small that is still used lies above it.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
    # glibc's own (malloc_trim(3)); another library has none.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

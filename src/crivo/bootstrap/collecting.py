"""How often Python looks for cycles among values while very many are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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

"""In what order the rows of a data set stand: the order by which it is split."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.instant import format_rfc3339

#: Of the order that is drawn: the same for a table whatever a training's own seed, so that no
#: training of one table learns from the rows that judge another.
_SEED: Final = 0


class Order(StrEnum):
    """What makes a row earlier than another."""

    TIME = "time"
    FILE = "file"
    DRAWN = "drawn"

    @property
    def said(self) -> str:
        """How the parts of such a data set were made, for people."""
        match self:
            case Order.TIME:
                return "by time"
            case Order.FILE:
                return "by the order of the file, which stands for time"
            case Order.DRAWN:
                return "drawn, frauds and others alike: no split by time was possible"

    @property
    def tested(self) -> str:
        """What the test is, for people."""
        match self:
            case Order.TIME:
                return "the last rows by time"
            case Order.FILE:
                return "the last rows of the file"
            case Order.DRAWN:
                return "rows that were drawn"


def said(instant: int, order: Order) -> str:
    """An instant as RFC 3339, or the place that stands for one.

    >>> said(12_345, Order.FILE)
    'row 12,345'
    """
    match order:
        case Order.TIME:
            return format_rfc3339(instant)
        case Order.FILE:
            return f"row {instant:,}"
        case Order.DRAWN:
            return f"place {instant:,} of the drawn order"


def drawn_order(labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """int64[n]: the places of n rows in an order of which every stretch has its share of positives.

    Each class is shuffled and laid out evenly from end to end (a stratified split, whatever shares
    are cut off it).
    """
    generator = np.random.default_rng(_SEED)
    at = np.empty(len(labels))
    for kind in (labels, ~labels):
        places = generator.permutation(np.flatnonzero(kind))
        at[places] = (np.arange(len(places)) + generator.random(len(places))) / max(len(places), 1)
    found = np.empty(len(labels), np.int64)
    found[np.argsort(at, kind="stable")] = np.arange(len(labels))
    return found

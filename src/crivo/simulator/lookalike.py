"""What an honest habit that resembles fraud declares: one a file in `lookalikes/`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from crivo.simulator import lookalikes
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.draws import Draws
from crivo.simulator.people import Town
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows

#: The habit's transfers of one day, unsorted.
OfDay = Callable[[Day, Draws], Rows]


@dataclass(frozen=True, slots=True)
class LookAlike:
    """An honest habit; `prepare` casts it once for a town, what it returns is asked day by day.

    The rows need not lie in order; what falls beyond the day's end is left out. A habit of one
    season names in `season` a day on which it is seen.
    """

    name: str
    resembles: tuple[str, ...]  # codes of typologies
    meaning: str
    prepare: Callable[[Town, Draws], OfDay]
    season: dt.date | None = None


def default_look_alikes() -> tuple[LookAlike, ...]:
    """Every look-alike, by file name."""
    return one_a_file(lookalikes, "LOOK_ALIKE", LookAlike)

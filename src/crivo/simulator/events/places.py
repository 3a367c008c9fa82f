"""Where people live and where their telephones are, in cells of a tenth of a degree.

People live in the state capitals, as many in each as the census of 2022 counted, in thousands; that
nobody lives elsewhere is an assumption. A home has one of twenty-five cells around its city's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.simulator.draws import Bools, Draws, Int64s, cumulated
from crivo.simulator.events.accounts import spread

#: Of each capital: the census' code, tenths of a degree (north, east), people in thousands, and
#: minutes east of UTC.
CITIES: Final = (
    ("3550308", -236, -466, 11451, -180),
    ("3304557", -229, -432, 6211, -180),
    ("5300108", -158, -479, 2817, -180),
    ("2304400", -37, -385, 2428, -180),
    ("2927408", -130, -385, 2418, -180),
    ("3106200", -199, -439, 2316, -180),
    ("1302603", -31, -600, 2064, -240),
    ("4106902", -254, -493, 1774, -180),
    ("2611606", -81, -349, 1488, -180),
    ("5208707", -167, -493, 1437, -180),
    ("4314902", -300, -512, 1333, -180),
    ("1501402", -15, -485, 1303, -180),
    ("2111300", -25, -443, 1038, -180),
    ("2704302", -97, -357, 958, -180),
    ("5002704", -204, -547, 898, -240),
    ("2211001", -51, -428, 866, -180),
    ("2507507", -71, -349, 834, -180),
    ("2408102", -58, -352, 751, -180),
    ("5103403", -156, -561, 651, -240),
    ("2800308", -109, -371, 603, -180),
    ("4205407", -276, -486, 537, -180),
    ("1100205", -88, -639, 461, -240),
    ("1600303", 0, -511, 443, -180),
    ("1400100", 28, -607, 413, -240),
    ("1200401", -100, -678, 365, -300),
    ("3205309", -203, -403, 323, -180),
    ("1721000", -102, -483, 303, -180),
)
CODES: Final = tuple(code for code, *_ in CITIES)

_NORTH: Final = np.asarray([city[1] for city in CITIES], dtype=np.int64)
_EAST: Final = np.asarray([city[2] for city in CITIES], dtype=np.int64)
_PEOPLE: Final = cumulated(tuple(city[3] for city in CITIES))
_OFFSETS: Final = np.asarray([city[4] for city in CITIES], dtype=np.int64)

CELL_MICRODEGREES: Final = 100_000
#: Homes lie at most two cells from their city's; the cell of work or school next to the home's.
_AROUND: Final = 5
_AWAY_PER_MILLE: Final = 270


@dataclass(frozen=True, slots=True)
class Places:
    """Where something is: a cell by its corner to the south-west, and its city."""

    latitudes: Int64s  # microdegrees
    longitudes: Int64s
    offsets: Int64s  # minutes east of UTC


def home_cities(persons: Int64s, seed: int) -> Int64s:
    """The place in CITIES of each person's home; `persons` as `Accounts.persons` gives them."""
    drawn = spread(persons, seed ^ 0x63697479, int(_PEOPLE[-1]))
    return np.searchsorted(_PEOPLE, drawn, side="right").astype(np.int64)


def devices_at(draws: Draws, persons: Int64s, far: Bools, date: int, seed: int) -> Places:
    """Where these persons' devices are: at home, next to it, or in another city, all day the same.

    Who is `far` is there and nowhere near; nobody else is.
    """
    homes = home_cities(persons, seed)
    others = (homes + 1 + spread(persons, seed ^ (0x666172 + date), len(CITIES) - 1)) % len(CITIES)
    cities = np.where(far, others, homes)
    cell = spread(persons, seed ^ 0x63656C6C, _AROUND * _AROUND)
    away = draws.chance(_AWAY_PER_MILLE, len(persons)).astype(np.int64)
    north = _NORTH[cities] + cell % _AROUND - _AROUND // 2 + away
    east = _EAST[cities] + cell // _AROUND - _AROUND // 2
    return Places(north * CELL_MICRODEGREES, east * CELL_MICRODEGREES, _OFFSETS[cities])

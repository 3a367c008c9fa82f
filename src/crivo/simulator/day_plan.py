"""A day's plan: which places ordinary life fills, and how much money it moves in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from crivo.simulator.amounts import LEVEL_UNIT
from crivo.simulator.composition import NATURE_MIX, composition
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.natures import NATURES, Nature, place_of
from crivo.simulator.rhythm import Day, half_hours_of
from crivo.simulator.rows import Rows

_HALF_HOURS: Final = 48
#: The natures whose money habits move too.
_SHARED: Final = (Nature.P2P, Nature.P2B, Nature.B2P)
#: Ordinary amounts of a day move within these thousandths to make room for habits' money.
_LEVEL_LEAST: Final = 500
_LEVEL_MOST: Final = 1500
#: A day pays back at most this part, in thousandths, of what its nature should move.
_PAID_BACK: Final = 250


@dataclass(slots=True)
class Purse:
    """What each nature has moved beyond its part so far, in centavos: later days move less.

    Salaries come on one day and rents on another; over weeks their nature keeps its mean ticket.
    """

    owed: dict[Nature, int] = field(default_factory=lambda: dict.fromkeys(_SHARED, 0))


def spread(draws: Draws, total: int, weights: Int64s) -> Int64s:
    """Whole parts of the total in proportion to the weights, by systematic sampling.

    Every part is its exact share rounded down or up, and its expectation is the share. The product
    of the total and the sum of the weights must stay below 2^63.
    """
    reached = np.cumsum(weights.ravel())
    whole = int(reached[-1])
    assert whole > 0
    start = draws.below(1_000_000, 1) * whole // 1_000_000
    until = (reached * total + start) // whole
    return np.diff(until, prepend=0).reshape(weights.shape)


def fill(day: Day, draws: Draws, count: int, natures_seen: Int64s, occurred_at: Int64s) -> Int64s:
    """[nature, half-hour]: how many of `count` transfers each place gets beside those seen.

    First each half-hour gets what the day's curve still leaves it, then natures share it.
    """
    shape = (len(NATURES), _HALF_HOURS)
    places = natures_seen * _HALF_HOURS + half_hours_of(occurred_at)
    seen = np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)
    plan = spread(draws, count + len(natures_seen), composition().cells(day.kind))
    left = np.maximum(plan - seen, 0)
    open_places = np.maximum(plan.sum(axis=0) - seen.sum(axis=0), 0)
    if not open_places.any():
        open_places = plan.sum(axis=0)
    of_half_hour = spread(draws, count, open_places)
    cells = np.zeros(shape, dtype=np.int64)
    for half_hour in np.flatnonzero(of_half_hour).tolist():
        weights = left[:, half_hour]
        if not weights.any():
            weights = composition().cells(day.kind)[:, half_hour]
        cells[:, half_hour] = spread(draws, int(of_half_hour[half_hour]), weights)
    return cells


def money_levels(
    day: Day, cells: Int64s, natures_seen: Int64s, habits: Rows, purse: Purse
) -> list[int]:
    """For each nature the level in thousandths by which its ordinary amounts move that day.

    Args:
        day: Which day.
        cells: [nature, half-hour], what ordinary life fills.
        natures_seen: The place of each habit's nature.
        habits: The honest transfers that the day holds already.
        purse: What is owed; changed.
    """
    found = [LEVEL_UNIT] * len(NATURES)
    by_half_hour = composition().half_hour_levels(day.kind)
    for nature in _SHARED:
        place = place_of(nature)
        mine = natures_seen == place
        mean = NATURE_MIX[nature][1]
        of_habits = np.bincount(half_hours_of(habits["occurred_at"][mine]), minlength=_HALF_HOURS)
        expected = int((cells[place] * by_half_hour[place]).sum()) * mean // LEVEL_UNIT
        if expected == 0:
            continue
        theirs = int((of_habits * by_half_hour[place]).sum()) * mean // LEVEL_UNIT
        moved = int(habits["amount_centavos"][mine].sum())
        limit = (expected + theirs) * _PAID_BACK // LEVEL_UNIT
        owed = purse.owed[nature] + moved - theirs
        back = min(max(owed, -limit), limit)
        level = min(max((expected - back) * LEVEL_UNIT // expected, _LEVEL_LEAST), _LEVEL_MOST)
        purse.owed[nature] = owed - (expected - expected * level // LEVEL_UNIT)
        found[place] = level
    return found

"""How well an instant finds fraud by any part of it, or by its distance to the transfer.

Whoever makes data computes instants from each other, and what was computed stays in the digits: an
account opened whole days before its first fraud shows in the distance modulo a day, and another
grain than everybody's in the seconds. So each part is judged by its order, by its reverse, and by
the rates of its values and of 64 equal bins of it, read in the first half and judged on the second.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR, MINUTE, SECOND
from tests.laws.average_precision import average_precision

BINS = 64
_MISSING = -1


def parts(instants: np.ndarray, at: np.ndarray, missing: np.ndarray) -> dict[str, np.ndarray]:
    """What can be read off an instant of each transfer (made at `at`), all in microseconds.

    Parts are whole numbers from 0 on; -1 where the instant is missing.
    """
    local = instants + BRASILIA_OFFSET
    age = at - instants
    found = {
        "second": local % MINUTE // SECOND,
        "fraction": local % SECOND,
        "minute": local % HOUR // MINUTE,
        "minute and second": local % HOUR // SECOND,
        "hour": local % DAY // HOUR,
        "time of day": local % DAY,
        "age": age - min(int(age[~missing].min(initial=0)), 0),
        **{
            f"age modulo {name}": age % unit
            for name, unit in (("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("second", SECOND))
        },
    }
    return {
        "is missing": missing.astype(np.int64),
        **{name: np.where(missing, _MISSING, values) for name, values in found.items()},
    }


def best_precision(values: np.ndarray, frauds: np.ndarray) -> float:
    """The best average precision of one part: rising, falling, by its values, or by its bins."""
    numbers = values.astype(np.float64)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]))
    _, place = np.unique(values, return_inverse=True)
    return max(
        average_precision(frauds, numbers),
        average_precision(frauds, -numbers),
        _by_rate(place, frauds),
        _by_rate(np.searchsorted(edges, numbers, side="right"), frauds),
    )


def _by_rate(place: np.ndarray, frauds: np.ndarray) -> float:
    half = len(place) // 2
    count = int(place.max()) + 1
    seen = np.bincount(place[:half], minlength=count)
    bad = np.bincount(place[:half], weights=frauds[:half], minlength=count)
    rates = (bad + frauds.mean()) / (seen + 1)
    return average_precision(frauds[half:], rates[place[half:]])


def precisions(
    instants: np.ndarray, at: np.ndarray, missing: np.ndarray, frauds: np.ndarray
) -> Iterator[tuple[str, float]]:
    """Each part of an instant with the best average precision that it reaches; by time."""
    for name, values in parts(instants, at, missing).items():
        yield name, best_precision(values, frauds)

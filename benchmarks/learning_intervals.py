"""How often the interval of a calibration error holds the true error, beside bootstrap percentiles.

Worlds are drawn whose probabilities are known, said right or wrong by a factor; their rows are each
their own, or a payer's three that are frauds together, or a weighted sample. An interval of 95 %
should hold the true error in 95 of 100 worlds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, Setting
from crivo.model.evaluate import BINS, Metric, evaluate

SEED: Final = 11
#: Rows by which the true error is known.
TRUTH_ROWS: Final = 1_000_000
#: Of a weighted sample so many rows that are no fraud are kept.
KEPT: Final = 0.28
_SPREAD: Final = 1.5

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """Rows, their share of frauds, by what the probabilities said differ from the true ones, how
    many rows a payer has, and whether rows that are no fraud are sampled.
    """

    rows: int
    share: float
    factor: float
    rows_of_payer: int = 1
    sampled: bool = False

    def __str__(self) -> str:
        payers = f", payers of {self.rows_of_payer} rows" if self.rows_of_payer > 1 else ""
        sampled = ", a weighted sample" if self.sampled else ""
        return (
            f"{self.rows:,} rows, {self.share:.1%} frauds said × {self.factor:g}{payers}{sampled}"
        )

    def drawn(self, rows: int, generator: np.random.Generator) -> tuple[Float64s, Float64s]:
        """True and said probabilities."""
        centre = np.log(self.share / (1 - self.share)) - _SPREAD**2 / 2
        true = 1 / (1 + np.exp(-generator.normal(centre, _SPREAD, rows)))
        return true, np.minimum(true * self.factor, 1.0)


WORLDS: Final = (
    World(5_000, 0.01, 1.0),
    World(5_000, 0.01, 1.5),
    World(5_000, 0.01, 0.5),
    World(5_000, 0.05, 1.0),
    World(16_000, 0.003, 2.0),
    World(16_000, 0.004, 1.0, sampled=True),
    World(6_000, 0.03, 1.0, rows_of_payer=3),
    World(6_000, 0.03, 1.6, rows_of_payer=3),
)


@dataclass(frozen=True, slots=True)
class Held:
    """Of how many worlds an interval held the true error, and percentiles of its draws."""

    share: float
    share_of_percentiles: float


def run(setting: Setting) -> Iterator[Row]:
    """The coverage of every kind of world."""
    worlds, resamples = (20, 50) if setting.quick else (100, 200)
    for world in WORLDS:
        found = held(world, worlds=worlds, resamples=resamples)
        what = f"calibration error, worlds whose true one the interval holds: {world}"
        peer = found.share_of_percentiles
        yield setting.row(f"{what} (peer: percentiles)", f"of {worlds}", [found.share], peer=peer)


def held(world: World, *, worlds: int, resamples: int) -> Held:
    """What so many worlds of a kind show."""
    generator = np.random.default_rng(SEED)
    true = true_error(*world.drawn(TRUTH_ROWS, generator))
    hits = of_percentiles = 0
    for _ in range(worlds):
        rows = one(world, generator)
        found = error_of(*rows, resamples=resamples)
        hits += found.low <= true <= found.high
        low, high = np.percentile(again(*rows, resamples, generator), [2.5, 97.5])
        of_percentiles += bool(low <= true <= high)
    return Held(hits / worlds, of_percentiles / worlds)


def true_error(true: Float64s, said: Float64s) -> float:
    """The mean distance over bins of equal weight, of probabilities and not of what came."""
    order = np.argsort(-said)
    parts = zip(np.array_split(true[order], BINS), np.array_split(said[order], BINS), strict=True)
    return float(np.mean([abs(one.mean() - other.mean()) for one, other in parts]))


def one(
    world: World, generator: np.random.Generator
) -> tuple[Float64s, NDArray[np.bool_], Float64s, NDArray[np.int64]]:
    """What is said of the rows of a world, which were frauds, their weights, and whose they are."""
    true, said = world.drawn(world.rows // world.rows_of_payer, generator)
    each = np.arange(len(true)).repeat(world.rows_of_payer)
    fraud = (generator.random(len(true)) < true)[each]
    weights = np.ones(len(each))
    kept = np.ones(len(each), np.bool_)
    if world.sampled:
        kept = fraud | (generator.random(len(each)) < KEPT)
        weights = np.where(fraud, 1.0, 1 / KEPT)
    return said[each][kept], fraud[kept], weights[kept], each[kept]


def error_of(
    said: Float64s,
    fraud: NDArray[np.bool_],
    weights: Float64s,
    whose: NDArray[np.int64],
    *,
    resamples: int,
) -> Metric:
    """The calibration error of these rows."""
    metrics = evaluate(said, fraud, weights, chances=said, groups=whose, resamples=resamples)
    return next(metric for metric in metrics if metric.name == "calibration_error")


def again(
    said: Float64s,
    fraud: NDArray[np.bool_],
    weights: Float64s,
    whose: NDArray[np.int64],
    resamples: int,
    generator: np.random.Generator,
) -> list[float]:
    """The errors of so many bootstrap draws of payers."""
    payers = int(whose.max()) + 1
    found = []
    for _ in range(resamples):
        counts = np.bincount(generator.integers(0, payers, payers), minlength=payers)[whose]
        drawn = error_of(said, fraud, weights * counts, whose, resamples=0)
        found.append(drawn.value)
    return found

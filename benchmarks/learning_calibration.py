"""Calibration over past folds: curves of the last block, the last two, or all, on simulated Pix.

Of a world's rows the last three quarters are cut into five blocks of time. Each block is scored by
a smaller forest that learnt from what was known a label delay before it; four blocks are then
judged by curves that were fitted on the scored blocks before them, of labels that were known by
then. A figure is the mean distance |ln(observed / expected)| of the top bins of fifty frauds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Row, Setting
from benchmarks.learn.bins import top_bins
from benchmarks.learn.pix import pix_dataset
from crivo.model.booster import BoosterOptions, boosted
from crivo.model.calibrate import Calibrator, fit_curve
from crivo.model.dataset import Dataset

SEED: Final = 11
SCALE: Final = "3"
DAYS: Final = 120
BLOCKS: Final = 5
SHARE: Final = 0.15
#: Of the rows that are no fraud one in so many is learnt from, and weighs as much.
THINNED: Final = 10
FOREST: Final = BoosterOptions(trees=150)
#: Curves by how many blocks before the judged one they are fitted on.
PASTS: Final = {"the last block": 1, "the last two blocks": 2, "all blocks before": BLOCKS}
CALIBRATORS: Final = (Calibrator.PLATT, Calibrator.BETA)
#: What a ratio of 1.25, or of 0.8, is.
TARGET: Final = float(np.log(1.25))

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows bool[n] of a stretch that begins at an instant, and their margins."""

    start: int
    rows: Bools
    margins: Float64s


def run(setting: Setting) -> Iterator[Row]:
    """The distance of each curve on each judged block."""
    scale, days = ("1", 90) if setting.quick else (SCALE, DAYS)
    dataset = pix_dataset(seed=SEED, scale=scale, days=days)
    blocks = scored_blocks(dataset, FOREST)
    for block in blocks:
        share = 100 * float(dataset.labels()[block.rows].mean())
        number = blocks.index(block) + 1
        yield setting.row(f"simulated Pix, block {number} of time, frauds", "%", [share])
    for calibrator in CALIBRATORS:
        for past, count in PASTS.items():
            for number in range(max(1, count if count < BLOCKS else 1), BLOCKS):
                found = distance(dataset, blocks[:number][-count:], blocks[number], calibrator)
                yield setting.row(
                    f"simulated Pix, {calibrator.value} on {past}, block {number + 1}, "
                    "mean distance of the top bins",
                    "|ln|",
                    [found],
                    at_most=TARGET,
                )


def scored_blocks(dataset: Dataset, options: BoosterOptions) -> list[Block]:
    """The last blocks of the rows in time, each scored by a forest of its own past."""
    ordered = np.sort(dataset.occurred_at)
    cuts = [len(ordered) - round(SHARE * len(ordered)) * left for left in range(BLOCKS, 0, -1)]
    starts = [*ordered[cuts].tolist(), int(ordered[-1]) + 1]
    found = []
    for start, end in pairwise(starts):
        rows = (dataset.occurred_at >= start) & (dataset.occurred_at < end)
        learnt = dataset.occurred_at < start - dataset.label_delay
        known = dataset.labels(start)
        kept = learnt & (known | (np.arange(len(dataset)) % THINNED == 0))
        weights = dataset.weights[kept] * np.where(known[kept], 1.0, THINNED)
        ranker = boosted(dataset.vectors[kept], known[kept], weights, options)
        found.append(Block(start, rows, ranker(dataset.vectors[rows])))
    return found


def distance(dataset: Dataset, past: list[Block], judged: Block, calibrator: Calibrator) -> float:
    """The mean of |ln(observed / expected)| over the judged block's top bins."""
    mature = [dataset.occurred_at[b.rows] < judged.start - dataset.label_delay for b in past]
    known = dataset.labels(judged.start)
    margins = np.concatenate([b.margins[old] for b, old in zip(past, mature, strict=True)])
    labels, weights = (
        np.concatenate([of[b.rows][old] for b, old in zip(past, mature, strict=True)])
        for of in (known, dataset.weights)
    )
    curve, _ = fit_curve(calibrator, margins, labels, weights)
    bins = top_bins(
        dataset.labels()[judged.rows], dataset.weights[judged.rows], curve(judged.margins)
    )
    return float(np.mean([abs(np.log(each.value)) for each in bins]))

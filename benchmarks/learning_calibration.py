"""Calibration over past folds, of one fit or a fit each, on three worlds of simulated Pix.

Of a world's rows the last three quarters are cut into five blocks of time. Each block is scored by
a smaller forest that learnt from what was known a label delay before it; four blocks are then
judged by curves that were fitted on the scored blocks before them, of labels that were known by
then. The margins of those are by a forest each, or all by the forest of the first of them. A figure
is the mean distance |ln(observed / expected)| of the top bins of fifty frauds. Of what `crivo
train` does where nothing is said, the bins of each block stand beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from crivo.model.evaluate import Metric
from crivo.model.split import FOLD_SHARE, USUAL_FOLDS
from crivo.model.train import TrainOptions

#: None of them is the world of `learning_pix`, for which this chooses.
SEEDS: Final = (11, 12, 13)
SCALE: Final = "3"
DAYS: Final = 120
BLOCKS: Final = 5
#: Of the rows that are no fraud one in so many is learnt from, and weighs as much.
THINNED: Final = 10
FOREST: Final = BoosterOptions(trees=150)
#: Curves by how many blocks before the judged one they are fitted on.
PASTS: Final = {
    "the last block": 1,
    "the last two blocks": 2,
    "the last three blocks": 3,
    "all blocks before": BLOCKS,
}
CALIBRATORS: Final = (Calibrator.PLATT, Calibrator.BETA)
#: What a ratio of 1.25, or of 0.8, is.
TARGET: Final = float(np.log(1.25))

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows bool[n] of a stretch that begins at an instant, and their margins by the forests of the
    blocks up to its own, which is the last.
    """

    start: int
    rows: Bools
    margins: tuple[Float64s, ...]


def run(setting: Setting) -> Iterator[Row]:
    """The distance of each curve on each judged block, and the bins of the usual curve."""
    scale, days = ("1", 90) if setting.quick else (SCALE, DAYS)
    for seed in SEEDS[:1] if setting.quick else SEEDS:
        dataset = pix_dataset(seed=seed, scale=scale, days=days)
        yield from rows_of(setting, f"simulated Pix, seed {seed}", dataset, FOREST)


def rows_of(setting: Setting, what: str, dataset: Dataset, forest: BoosterOptions) -> Iterator[Row]:
    """The rows of one world."""
    blocks = scored_blocks(dataset, forest)
    for number, block in enumerate(blocks, start=1):
        share = 100 * float(dataset.labels()[block.rows].mean())
        yield setting.row(f"{what}, block {number} of time, frauds", "%", [share])
    for calibrator in CALIBRATORS:
        for past, count in PASTS.items():
            for number in range(max(1, count if count < BLOCKS else 1), BLOCKS):
                given = blocks[:number][-count:]
                for by, is_one in (("a fit each", False), ("one fit", True)):
                    if is_one and len(given) == 1:
                        continue
                    bins = bins_of(dataset, given, blocks[number], calibrator, is_one=is_one)
                    yield setting.row(
                        f"{what}, {calibrator.value} on {past} by {by}, block {number + 1}, "
                        "mean distance of the top bins",
                        "|ln|",
                        [distance(bins)],
                        at_most=TARGET,
                    )
    for number in range(USUAL_FOLDS, BLOCKS):
        given = blocks[number - USUAL_FOLDS : number]
        bins = bins_of(dataset, given, blocks[number], TrainOptions().calibrator)
        for place, found in enumerate(bins, start=1):
            name = f"{what}, as usual, block {number + 1}, bin {place}, observed / expected"
            yield setting.row(f"{name} (at least 0.8)", "", [found.value], at_least=0.8)
            yield setting.row(f"{name} (at most 1.25)", "", [found.value], at_most=1.25)


def scored_blocks(dataset: Dataset, options: BoosterOptions) -> list[Block]:
    """The last blocks of the rows in time, each scored by a forest of its own past, and by those of
    the blocks before it.
    """
    ordered = np.sort(dataset.occurred_at)
    size = round(FOLD_SHARE * len(ordered))
    cuts = [len(ordered) - size * left for left in range(BLOCKS, 0, -1)]
    starts = [*ordered[cuts].tolist(), int(ordered[-1]) + 1]
    found, forests = [], []
    for start, end in pairwise(starts):
        rows = (dataset.occurred_at >= start) & (dataset.occurred_at < end)
        learnt = dataset.occurred_at < start - dataset.label_delay
        known = dataset.labels(start)
        kept = learnt & (known | (np.arange(len(dataset)) % THINNED == 0))
        weights = dataset.weights[kept] * np.where(known[kept], 1.0, THINNED)
        forests.append(boosted(dataset.vectors[kept], known[kept], weights, options))
        margins = tuple(forest(dataset.vectors[rows]) for forest in forests)
        found.append(Block(start, rows, margins))
    return found


def bins_of(
    dataset: Dataset,
    past: Sequence[Block],
    judged: Block,
    calibrator: Calibrator,
    *,
    is_one: bool = False,
) -> list[Metric]:
    """Observed over expected frauds of the judged block's top bins, by a curve of those before.

    Their margins are by a forest each, or with `is_one` by the forest of the first of them.
    """
    oldest = len(past[0].margins) - 1
    mature = [dataset.occurred_at[b.rows] < judged.start - dataset.label_delay for b in past]
    known = dataset.labels(judged.start)
    margins = np.concatenate(
        [b.margins[oldest if is_one else -1][old] for b, old in zip(past, mature, strict=True)]
    )
    labels, weights = (
        np.concatenate([of[b.rows][old] for b, old in zip(past, mature, strict=True)])
        for of in (known, dataset.weights)
    )
    curve, _ = fit_curve(calibrator, margins, labels, weights)
    return top_bins(
        dataset.labels()[judged.rows], dataset.weights[judged.rows], curve(judged.margins[-1])
    )


def distance(bins: Sequence[Metric]) -> float:
    """The mean of |ln(observed / expected)|."""
    return float(np.mean([abs(np.log(each.value)) for each in bins]))

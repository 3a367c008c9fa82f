"""Observed over expected frauds in bins of the riskiest rows."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.model.evaluate import Metric

SEED: Final = 7
BINS: Final = 5
BIN_FRAUDS: Final = 50
#: Of a bin's interval.
DRAWS: Final = 200
#: Of the bins of a curve that is true.
CHANCE_DRAWS: Final = 200_000


def top_bins(
    labels: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    chances: npt.NDArray[np.float64],
    *,
    frauds: int = BIN_FRAUDS,
) -> list[Metric]:
    """Observed over expected frauds in up to five bins of so many frauds, the riskiest first.

    Their 95 % intervals are of the bootstrap over rows: that frauds come in campaigns, which makes
    them wider, they do not know.
    """
    generator = np.random.default_rng(SEED)
    order = np.argsort(-chances, kind="stable")
    labels, weights, chances = labels[order], weights[order], chances[order]
    ends = np.searchsorted(np.cumsum(labels), frauds * np.arange(1, BINS + 1)) + 1
    found, start = [], 0
    for end in ends[ends <= len(labels)].tolist():
        inside = slice(start, end)
        observed, expected = (labels * weights)[inside], (chances * weights)[inside]
        drawn = generator.integers(0, end - start, (DRAWS, end - start))
        ratios = observed[drawn].sum(axis=1) / expected[drawn].sum(axis=1)
        low, high = np.percentile(ratios, [2.5, 97.5])
        value = float(observed.sum() / expected.sum())
        found.append(Metric("observed over expected", value, float(low), float(high)))
        start = end
    return found


def held_by_chance(low: float, high: float) -> float:
    """How often a curve that is true would hold every bin between these ratios.

    What scores expect of a bin until its fiftieth fraud is drawn of a gamma distribution: true of
    small chances, each of a row by itself. Great ones vary less, and campaigns make all vary more.
    """
    expected = np.random.default_rng(SEED).gamma(BIN_FRAUDS, size=(CHANCE_DRAWS, BINS))
    ratios = BIN_FRAUDS / expected
    return float(((ratios >= low) & (ratios <= high)).all(axis=1).mean())

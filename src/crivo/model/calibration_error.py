"""What is known of the calibration error: its figure is biased, so percentiles would not hold it.

The figure is a sum of sizes, Σ|dᵢ + eᵢ| over bins that are off by dᵢ and seen with an error eᵢ.
Chance makes it greater in the mean: it is at least the true Σ|dᵢ| (Jensen's inequality), and at
most Σ|dᵢ| + the mean of Σ|eᵢ| (that of triangles). So a bound from below takes all of that off;
another is the size of the sum of all gaps, which the error is never below and which is unbiased.
How many of a hundred worlds these ends hold, and percentiles, is said by `python -m benchmarks
learning_intervals`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

#: Standard deviations of a normal error beyond which 2.5 % lie on one side, or on both.
_ONE_SIDE: Final = 1.96
_BOTH_SIDES: Final = 2.24


def interval_of(
    gaps: Float64s, drawn: Float64s, spread: Float64s, generator: np.random.Generator
) -> tuple[float, float]:
    """The ends between which the true error lies, of 95 worlds in 100 or more.

    Args:
        gaps: float64[B]; by how much each bin is off, as a share of all weight.
        drawn: float64[R, B]; the same of R bootstrap draws.
        spread: float64[B]; the least standard deviation of each gap: what chance alone makes of
            it. Draws that have less, as of a bin without a fraud, get what they lack.
        generator: Of what they get.
    """
    found = float(np.abs(gaps).sum())
    errors = drawn - gaps
    lacking = np.sqrt(np.maximum(spread**2 - errors.var(axis=0), 0.0))
    errors = errors + generator.normal(size=errors.shape) * lacking
    bias_max = float(np.abs(errors).sum(axis=1).mean())
    deviation = float(np.abs(gaps + errors).sum(axis=1).std())
    whole = float(errors.sum(axis=1).std())
    low = max(
        0.0,
        found - bias_max - _ONE_SIDE * deviation,
        abs(float(gaps.sum())) - _BOTH_SIDES * whole,
    )
    return min(low, found), found + _ONE_SIDE * deviation

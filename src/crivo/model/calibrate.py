"""Calibration: margins to probabilities by Platt's sigmoid, written as a table of integers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Unfit
from crivo.model.artifact import KNOTS, MARGIN_BITS, SCORE_ONE, STEP_LOG2_MAX, Calibration

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_STEPS_MAX: Final = 200
_HALVINGS_MAX: Final = 40
_TOLERANCE: Final = 1e-12


def fit_platt(
    margins: Float64s, labels: npt.NDArray[np.bool_], weights: Float64s
) -> tuple[float, float]:
    """(slope, intercept) of the sigmoid that is most likely on held-out rows.

    Newton's method on smoothed targets (Platt 1999; Lin, Lin and Weng 2007). `weights` that restore
    the true prevalence put the probabilities at it.

    Raises:
        Unfit: GATE_FAILED where a greater margin is not a greater risk on these rows.
    """
    positive = float(weights[labels].sum())
    negative = float(weights[~labels].sum())
    targets = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))
    slope, intercept = 1.0, float(np.log((positive + 1) / (negative + 1)))
    loss = _loss(slope, intercept, margins, targets, weights)
    for _ in range(_STEPS_MAX):
        chance = _sigmoid(slope * margins + intercept)
        error = weights * (chance - targets)
        curve = weights * chance * (1 - chance)
        gradient = np.array([(error * margins).sum(), error.sum()])
        cross = (curve * margins).sum()
        hessian = np.array([[(curve * margins**2).sum(), cross], [cross, curve.sum()]])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        improved = 0.0
        for halvings in range(_HALVINGS_MAX):
            tried = (slope - step[0] / 2**halvings, intercept - step[1] / 2**halvings)
            now = _loss(*tried, margins, targets, weights)
            if now < loss:
                slope, intercept = float(tried[0]), float(tried[1])
                improved, loss = loss - now, now
                break
        if improved <= _TOLERANCE * abs(loss):
            break
    if slope <= 0:
        raise Unfit(
            Code.GATE_FAILED,
            "on the calibration rows a greater margin is not a greater risk",
            hint="Look for a change between the training and the calibration period.",
            field="slope",
            expected="above 0",
            found=slope,
        )
    return slope, intercept


def tabulate(slope: float, intercept: float, margins: Int64s) -> Calibration:
    """The sigmoid as 4,097 rising knots over a range that holds `margins` (int64 in 2^-40).

    The range is a power of two, so that a place in it is a shift; outside it the ends hold.
    """
    low, high = int(margins.min()), int(margins.max())
    width = max(high - low, 1) * 3 // 2
    step_log2 = min(max(0, (width // (KNOTS - 1)).bit_length()), STEP_LOG2_MAX)
    span = (KNOTS - 1) << step_log2
    margin_low = (low + high - span) // 2
    places = margin_low + (np.arange(KNOTS, dtype=np.int64) << step_log2)
    chances = _sigmoid(slope * (places / float(1 << MARGIN_BITS)) + intercept)
    knots = np.maximum.accumulate(np.rint(chances * SCORE_ONE).astype(np.int64))
    return Calibration(margin_low=margin_low, step_log2=step_log2, knots=knots)


def _sigmoid(x: Float64s) -> Float64s:
    result: Float64s = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    return result


def _loss(
    slope: float, intercept: float, margins: Float64s, targets: Float64s, weights: Float64s
) -> float:
    x = slope * margins + intercept
    return float((weights * (np.logaddexp(0, x) - targets * x)).sum())

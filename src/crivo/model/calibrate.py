"""Calibration: margins to probabilities on held-out rows, written as a table of integers.

Beta calibration by default: of one parameter more than Platt's sigmoid, so that what it says of
high margins need not follow from what it says of low ones; isotonic regression only with enough
positives, since it fits a step to each few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from crivo.domain.errors import Code, Refused, Unfit
from crivo.model.artifact import (
    KNOTS,
    MARGIN_BITS,
    SCORE_ONE,
    STEP_LOG2_MAX,
    Calibration,
)

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

Bools = npt.NDArray[np.bool_]
#: A rising function from margins float64[n] to probabilities float64[n].
Curve = Callable[[Float64s], Float64s]

#: Isotonic regression overfits below about a thousand cases of the rarer kind (Niculescu-Mizil and
#: Caruana, 2005).
ISOTONIC_POSITIVES_MIN: Final = 1_000

_STEPS_MAX: Final = 200
_HALVINGS_MAX: Final = 40
_TOLERANCE: Final = 1e-12


class Calibrator(StrEnum):
    """How probabilities are made of margins."""

    PLATT = "platt"
    BETA = "beta"
    ISOTONIC = "isotonic"


def fit_curve(
    calibrator: Calibrator, margins: Float64s, labels: Bools, weights: Float64s
) -> tuple[Curve, dict[str, float]]:
    """The curve that fits held-out rows, and its parameters for the manifest.

    `weights` that restore the true prevalence put the probabilities at it.

    Raises:
        Unfit: GATE_FAILED where a greater margin is not a greater risk on these rows.
        Refused: DATA_TOO_SMALL for isotonic regression on fewer than 1,000 positives.
    """
    match calibrator:
        case Calibrator.PLATT:
            slope, intercept = fit_platt(margins, labels, weights)
            return sigmoid_of(slope, intercept), {"slope": slope, "intercept": intercept}
        case Calibrator.BETA:
            return _fit_beta(margins, labels, weights)
        case Calibrator.ISOTONIC:
            return _fit_isotonic(margins, labels, weights)


def sigmoid_of(slope: float, intercept: float) -> Curve:
    """`1 / (1 + exp(−(slope · margin + intercept)))`."""
    return lambda margins: _sigmoid(slope * margins + intercept)


def _fit_beta(
    margins: Float64s, labels: Bools, weights: Float64s
) -> tuple[Curve, dict[str, float]]:
    """Beta calibration (Kull, Silva Filho and Flach, 2017) of the sigmoid of the margin.

    A logistic regression on ln s and −ln(1 − s); a part that would fall is left out, as there.
    Where all margins are one, it is the sigmoid through the share of the positives.
    """
    if margins.min() == margins.max():
        share = (float(weights[labels].sum()) + 1) / (float(weights.sum()) + 2)
        moved = float(np.log(share / (1 - share)) - margins[0])
        return sigmoid_of(1.0, moved), {"a": 1.0, "b": 1.0, "c": moved}

    def parts(asked: Float64s) -> list[Float64s]:
        return [-np.logaddexp(0, -asked), np.logaddexp(0, asked)]

    given = parts(margins)
    found = np.zeros(2)
    used, intercept = [0, 1], 0.0
    while used:
        *slopes, intercept = _likeliest(
            [given[part] for part in used], [0.0] * len(used), labels, weights
        )
        if min(slopes) >= 0:
            found[used] = slopes
            break
        used.pop(int(np.argmin(slopes)))
    if not found.any():
        raise _backwards("a, b", 0.0)
    a, b, c = float(found[0]), float(found[1]), intercept

    def curve(asked: Float64s) -> Float64s:
        rising, falling = parts(asked)
        return _sigmoid(a * rising + b * falling + c)

    return curve, {"a": a, "b": b, "c": c}


def _fit_isotonic(
    margins: Float64s, labels: Bools, weights: Float64s
) -> tuple[Curve, dict[str, float]]:
    positives = int(labels.sum())
    if positives < ISOTONIC_POSITIVES_MIN:
        raise Refused(
            Code.DATA_TOO_SMALL,
            "there are too few positives for isotonic calibration",
            hint="Calibrate by platt or beta.",
            field="positives to calibrate",
            expected=f"at least {ISOTONIC_POSITIVES_MIN}",
            found=positives,
        )
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit(margins, labels.astype(np.float64), sample_weight=weights)
    steps = float(len(model.X_thresholds_))

    def curve(asked: Float64s) -> Float64s:
        found: Float64s = model.predict(asked)
        return found

    return curve, {"steps": steps}


def fit_platt(margins: Float64s, labels: Bools, weights: Float64s) -> tuple[float, float]:
    """(slope, intercept) of the sigmoid that is most likely on held-out rows.

    Newton's method on smoothed targets (Platt 1999; Lin, Lin and Weng 2007). `weights` that restore
    the true prevalence put the probabilities at it.

    Raises:
        Unfit: GATE_FAILED where a greater margin is not a greater risk on these rows.
    """
    slope, intercept = _likeliest([margins], [1.0], labels, weights)
    if slope <= 0:
        raise _backwards("slope", slope)
    return slope, intercept


def _likeliest(
    parts: Sequence[Float64s], start: Sequence[float], labels: Bools, weights: Float64s
) -> list[float]:
    """What each part float64[n] of the log-odds is multiplied by, and the intercept, last.

    The most likely on smoothed targets (Platt, 1999; Lin, Lin and Weng, 2007), so that there is one
    where a threshold parts all frauds from all others. Newton's method, until nothing is gained: a
    gradient averaged over rows of which one in three hundred is a fraud is small long before.
    """
    positive = float(weights[labels].sum())
    negative = float(weights[~labels].sum())
    targets = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))
    columns = [*parts, np.ones(len(labels))]
    found = np.array([*start, np.log((positive + 1) / (negative + 1))])
    loss = _loss(_mixed(columns, found), targets, weights)
    for _ in range(_STEPS_MAX):
        chance = _sigmoid(_mixed(columns, found))
        error = weights * (chance - targets)
        curve = weights * chance * (1 - chance)
        gradient = np.array([(error * column).sum() for column in columns])
        hessian = np.array([[(curve * a * b).sum() for b in columns] for a in columns])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(len(columns)), gradient)
        improved = 0.0
        for halvings in range(_HALVINGS_MAX):
            tried = found - step / 2**halvings
            now = _loss(_mixed(columns, tried), targets, weights)
            if now < loss:
                found, improved, loss = tried, loss - now, now
                break
        if improved <= _TOLERANCE * abs(loss):
            break
    return [float(each) for each in found]


def tabulate(curve: Curve, margins: Int64s) -> Calibration:
    """The curve as 4,097 rising knots over a range that holds `margins` (int64 in 2^-40).

    The range is a power of two, so that a place in it is a shift; outside it the ends hold.
    """
    low, high = int(margins.min()), int(margins.max())
    width = max(high - low, 1) * 3 // 2
    step_log2 = min(max(0, (width // (KNOTS - 1)).bit_length()), STEP_LOG2_MAX)
    span = (KNOTS - 1) << step_log2
    margin_low = (low + high - span) // 2
    places = margin_low + (np.arange(KNOTS, dtype=np.int64) << step_log2)
    chances = curve(places / float(1 << MARGIN_BITS))
    knots = np.maximum.accumulate(np.rint(chances * SCORE_ONE).astype(np.int64))
    return Calibration(margin_low=margin_low, step_log2=step_log2, knots=knots)


def _backwards(field: str, found: float) -> Unfit:
    return Unfit(
        Code.GATE_FAILED,
        "on the calibration rows a greater margin is not a greater risk",
        hint="Look for a change between the training and the calibration period.",
        field=field,
        expected="above 0",
        found=found,
    )


def _sigmoid(x: Float64s) -> Float64s:
    result: Float64s = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    return result


def _mixed(columns: Sequence[Float64s], by: Float64s) -> Float64s:
    """The columns float64[n], each multiplied by its own number, summed in their order."""
    mixed = np.zeros(len(columns[0]))
    for column, times in zip(columns, by, strict=True):
        mixed += times * column
    return mixed


def _loss(log_odds: Float64s, targets: Float64s, weights: Float64s) -> float:
    return float((weights * (np.logaddexp(0, log_odds) - targets * log_odds)).sum())

"""How good a ranking and its probabilities are, with weights and bootstrap intervals.

Average precision leads: below 1 % prevalence the area under the ROC curve hides what matters
(Saito and Rehmsmeier, 2015), so it comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.domain.instant import DAY
from crivo.model.calibration_error import interval_of
from crivo.model.labels import NEVER

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

FALSE_POSITIVE_RATES: Final = (0.01, 0.05)
BINS: Final = 15
_CALIBRATION: Final = "calibration_error"
#: The ends of an interval, in hundredths of the draws.
_ENDS: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure and its 95 % interval, equal to the figure where none was drawn.

    It is the bootstrap's percentiles, but for the calibration error (`model/calibration_error.py`).
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Rows in falling order of score; `ends` are the last rows of each run of equal scores.

    `by_day` are the places of the rows day by day, in that order on each, and `day_starts` where
    the row's day begins among them.
    """

    labels: Bools
    weights: Float64s
    chances: Float64s
    amounts: Float64s
    ends: npt.NDArray[np.intp]
    order: npt.NDArray[np.intp]
    by_day: npt.NDArray[np.intp]
    day_starts: npt.NDArray[np.intp]


def evaluate(
    scores: npt.ArrayLike,
    labels: Bools,
    weights: Float64s,
    *,
    chances: Float64s | None = None,
    amounts: npt.NDArray[np.int64] | None = None,
    days: npt.NDArray[np.int64] | None = None,
    capacity: int | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[Metric, ...]:
    """Every metric of `scores` [n]: average precision first, AUC last.

    At a capacity of so many reviews a day stand the precision, the share of frauds and, where the
    rows have amounts, the share of the frauds' money that is among the rows looked at: each day the
    riskiest of that day, since a quiet day lends a busy one nobody. With probabilities stand the
    Brier score, the calibration error, and the frauds that they expect over the frauds observed.

    Args:
        scores: What ranks; greater is riskier. Equal scores are one threshold.
        labels: bool[n].
        weights: float64[n]; what each row stands for.
        chances: Probabilities float64[n]; without them there is no Brier score and no ECE.
        amounts: int64[n] in centavos.
        groups: int64[n]; whose each row is. Rows of one payer are no independent witnesses, so
            that whole payers are drawn (Field and Welsh, 2007); None draws rows.
        days: int64[n], which local day each row lies on; without them all lie on one.
        capacity: How many rows, by weight, can be looked at on each day.
        resamples: Bootstrap draws, 0 for none.
        seed: Of the draws.
    """
    ranked = _rank(np.asarray(scores), labels, weights, chances, amounts, days)
    gaps = _gaps(ranked, ranked.weights)
    names, values = _measure(ranked, ranked.weights, capacity, gaps)
    if resamples == 0:
        return tuple(Metric(n, v, v, v) for n, v in zip(names, values, strict=True))
    draws = np.empty((resamples, len(names)))
    drawn_gaps = np.empty((resamples, len(gaps)))
    generator = np.random.default_rng(seed)
    own = None if groups is None else groups[ranked.order]
    for draw, counts in enumerate(_draws(len(labels), own, resamples, generator)):
        weighed = ranked.weights * counts
        drawn_gaps[draw] = _gaps(ranked, weighed)
        draws[draw] = _measure(ranked, weighed, capacity, drawn_gaps[draw])[1]
    # A draw without a single positive has no average precision and is left out; a figure that no
    # draw has, as where every row is a fraud, has no interval either.
    defined = ~np.isnan(draws).all(axis=0)
    low, high = np.full((2, len(names)), np.nan)
    low[defined], high[defined] = np.nanpercentile(draws[:, defined], _ENDS, axis=0)
    if len(gaps):
        place = names.index(_CALIBRATION)
        low[place], high[place] = interval_of(gaps, drawn_gaps, _chance_spread(ranked), generator)
    return tuple(
        Metric(n, v, float(a), float(b))
        for n, v, a, b in zip(names, values, low, high, strict=True)
    )


def average_precision(
    scores: npt.ArrayLike, labels: Bools, weights: Float64s | None = None
) -> float:
    """Σ (recall step × precision) over distinct scores; NaN without a positive."""
    given = np.ones(len(labels)) if weights is None else weights
    ranked = _rank(np.asarray(scores), labels, given)
    return precision_of_runs(*_curve(ranked, ranked.weights))


def precision_gain(
    scores: npt.ArrayLike,
    others: npt.ArrayLike,
    labels: Bools,
    weights: Float64s,
    *,
    groups: npt.NDArray[np.int64] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Metric:
    """The average precision of one ranking less that of another of the same rows, [n] each.

    Both are asked about each draw of the bootstrap: what a draw does to the one it does to the
    other too, so that the interval is of their difference. `groups` as in `evaluate`.
    """
    ranked = [_rank(np.asarray(each), labels, weights) for each in (scores, others)]

    def gain(counts: npt.NDArray[np.int64]) -> float:
        one, other = (
            precision_of_runs(*_curve(each, each.weights * counts[each.order])) for each in ranked
        )
        return one - other

    found = gain(np.ones(len(labels), np.int64))
    generator = np.random.default_rng(seed)
    drawn = np.array([gain(each) for each in _draws(len(labels), groups, resamples, generator)])
    defined = drawn[~np.isnan(drawn)]
    low, high = np.percentile(defined, _ENDS) if len(defined) else (np.nan, np.nan)
    return Metric("average_precision_gain", found, float(low), float(high))


def known_compromised_removed(
    payers: npt.NDArray[Any],
    occurred_at: npt.NDArray[np.int64],
    known_at: npt.NDArray[np.int64],
    *,
    train_start: int,
    train_days: int = 7,
    delay_days: int = 7,
    test_days: int = 7,
) -> Bools:
    """bool[n]: the test rows of the Fraud Detection Handbook's protocol (`get_train_test_set`).

    A payer is known as compromised, and leaves the test, on the days before whose beginning the
    label of a fraud since `train_start` had become known. Labels that take `delay_days` make that
    the book's rule: a fraud in the training days counts on every test day, one on day
    `train_start + train_days + d − 1` from test day d (0, 1, …) on.

    Args:
        payers: One comparable id a row, [n] or words [n, w].
        occurred_at: Instants; days are counted from `train_start`.
        known_at: When the label of a fraud became known; `NEVER` where the row is none.
        train_start: The instant at which the training days begin.
        train_days: Length of the training period.
        delay_days: Between the end of training and the first test day.
        test_days: Length of the test period.
    """
    day = (occurred_at - train_start) // DAY
    test_day = train_days + delay_days
    looked_at = np.flatnonzero((day >= 0) & (day < test_day + test_days))
    numbers = np.unique(payers[looked_at], axis=0, return_inverse=True)[1].reshape(-1)
    first_known = np.full(int(numbers.max(initial=-1)) + 1, NEVER, np.int64)
    np.minimum.at(first_known, numbers, known_at[looked_at])
    begun = train_start + day[looked_at] * DAY
    kept = np.zeros(len(occurred_at), np.bool_)
    kept[looked_at] = (day[looked_at] >= test_day) & (first_known[numbers] >= begun)
    return kept


def _draws(
    size: int,
    groups: npt.NDArray[np.int64] | None,
    resamples: int,
    generator: np.random.Generator,
) -> Iterator[npt.NDArray[np.int64]]:
    """int64[size] a draw: how often each row is in it; rows of one group are drawn together."""
    own = np.arange(size)
    if groups is not None:
        own = np.unique(groups, return_inverse=True)[1].reshape(-1)
    units = int(own.max(initial=-1)) + 1
    for _ in range(resamples):
        yield np.bincount(generator.integers(0, units, units), minlength=units)[own]


def _rank(
    scores: npt.NDArray[Any],
    labels: Bools,
    weights: Float64s,
    chances: Float64s | None = None,
    amounts: npt.NDArray[np.int64] | None = None,
    days: npt.NDArray[np.int64] | None = None,
) -> _Ranked:
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    day = np.zeros(len(labels), np.int64) if days is None else days[order]
    by_day = np.argsort(day, kind="stable")
    return _Ranked(
        labels=labels[order],
        weights=weights[order],
        chances=np.empty(0) if chances is None else chances[order],
        amounts=np.empty(0) if amounts is None else amounts[order].astype(np.float64),
        ends=ends,
        order=order,
        by_day=by_day,
        day_starts=np.searchsorted(day[by_day], day[by_day]),
    )


def _looked_at(ranked: _Ranked, weights: Float64s, capacity: int) -> Float64s:
    """float64[n]: how much of each row's weight is among the riskiest of its day, up to `capacity`.

    Of the row that reaches the capacity a part is looked at.
    """
    of_day = weights[ranked.by_day]
    before = np.append(0.0, np.cumsum(of_day))
    taken = before[:-1] - before[ranked.day_starts]
    found = np.empty_like(weights)
    found[ranked.by_day] = np.clip(capacity - taken, 0.0, of_day)
    return found


def _curve(ranked: _Ranked, weights: Float64s) -> tuple[Float64s, Float64s]:
    true = np.cumsum(weights * ranked.labels)[ranked.ends]
    every = np.cumsum(weights)[ranked.ends]
    return true, every


def precision_of_runs(true: Float64s, every: Float64s) -> float:
    """Average precision of the weights of frauds, and of all rows, down to the end of each run of
    equal scores, the riskiest first; NaN without a fraud.
    """
    if true[-1] == 0:
        return float("nan")
    precision = np.divide(true, every, out=np.zeros_like(true), where=every > 0)
    return float((np.diff(true, prepend=0.0) * precision).sum() / true[-1])


def _measure(
    ranked: _Ranked, weights: Float64s, capacity: int | None, gaps: Float64s
) -> tuple[Sequence[str], Sequence[float]]:
    true, every = _curve(ranked, weights)
    false = every - true
    found: dict[str, float] = {"average_precision": precision_of_runs(true, every)}
    for rate in FALSE_POSITIVE_RATES:
        allowed = false <= rate * false[-1]
        recall = float(true[allowed][-1] / true[-1]) if allowed.any() and true[-1] else 0.0
        found[f"recall_at_fpr_{round(rate * 100)}_percent"] = recall
    if capacity is not None:
        looked_at = _looked_at(ranked, weights, capacity)
        frauds = weights * ranked.labels
        inside = (looked_at * ranked.labels).sum()
        found["precision_at_capacity"] = _share(inside, looked_at.sum())
        found["recall_at_capacity"] = _share(inside, frauds.sum())
        if ranked.amounts.any():
            money = (looked_at * ranked.labels * ranked.amounts).sum()
            found["money_recalled_at_capacity"] = _share(money, (frauds * ranked.amounts).sum())
    if len(ranked.chances):
        error = (ranked.chances - ranked.labels) ** 2
        found["brier"] = float((weights * error).sum() / weights.sum())
        found[_CALIBRATION] = float(np.abs(gaps).sum())
        expected = float((weights * ranked.chances).sum())
        found["expected_over_observed"] = _share(expected, float(true[-1]))
    # Trapezoids over (false, true): the chance that a positive stands above a negative.
    area = np.diff(false, prepend=0.0) * (true + np.append(0.0, true[:-1])) / 2
    defined = true[-1] > 0 and false[-1] > 0
    found["auc"] = float(area.sum() / (true[-1] * false[-1])) if defined else float("nan")
    return tuple(found), tuple(found.values())


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _bins(weights: Float64s) -> npt.NDArray[np.intp]:
    """Which of 15 bins of equal weight each row lies in."""
    share = np.cumsum(weights) / weights.sum()
    return np.minimum((share * BINS).astype(np.intp), BINS - 1)


def _gaps(ranked: _Ranked, weights: Float64s) -> Float64s:
    """float64[15]: by how much the probabilities of each bin lie above its frauds, of all weight;
    empty without probabilities. The sum of their sizes is the expected calibration error.
    """
    if not len(ranked.chances):
        return np.empty(0)
    off = weights * (ranked.chances - ranked.labels)
    gaps: Float64s = np.bincount(_bins(weights), off, minlength=BINS) / weights.sum()
    return gaps


def _chance_spread(ranked: _Ranked) -> Float64s:
    """float64[15]: the standard deviation that a bin's gap has where its probabilities are right.

    Draws of a bin without a fraud know of none.
    """
    chances = np.clip(ranked.chances, 0.0, 1.0)
    variance = np.bincount(
        _bins(ranked.weights), ranked.weights**2 * chances * (1 - chances), minlength=BINS
    )
    spread: Float64s = np.sqrt(variance) / ranked.weights.sum()
    return spread

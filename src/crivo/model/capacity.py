"""What a team that can look at so many payers a day would find."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


def daily_payer_precision(
    scores: npt.ArrayLike,
    labels: Bools,
    payers: npt.NDArray[Any],
    days: Int64s,
    *,
    capacity: int,
) -> float:
    """Mean over days of the share of `capacity` that are payers defrauded on that day (CP@k).

    Each day the payers are ranked by their riskiest row; those that were found to be defrauded are
    not looked at again (`card_precision_top_k` of the Fraud Detection Handbook, chapter 4). A day
    with fewer payers than `capacity` is divided by `capacity` all the same.

    Args:
        scores: What ranks, [n]; greater is riskier.
        labels: bool[n].
        payers: One comparable id a row, [n] or words [n, w].
        days: int64[n]; which day a row is of.
        capacity: Payers that can be looked at a day.
    """
    ranking = np.asarray(scores)
    numbers = np.unique(payers, axis=0, return_inverse=True)[1].reshape(-1)
    found = np.zeros(int(numbers.max(initial=-1)) + 1, np.bool_)
    shares = []
    for day in np.unique(days):
        today = np.flatnonzero((days == day) & ~found[numbers])
        riskiest_first = today[np.argsort(-ranking[today], kind="stable")]
        # The first row of each payer in that order is their riskiest.
        first = np.sort(np.unique(numbers[riskiest_first], return_index=True)[1])[:capacity]
        looked_at = numbers[riskiest_first[first]]
        defrauded = np.unique(numbers[today[labels[today]]])
        hits = looked_at[np.isin(looked_at, defrauded)]
        shares.append(len(hits) / capacity)
        found[hits] = True
    return float(np.mean(shares)) if shares else float("nan")

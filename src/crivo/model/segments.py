"""Figures by part: a model that is good on the whole may fail a month, or small amounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.instant import BRASILIA_OFFSET, SECOND
from crivo.model.judged import JudgedRows, as_table

#: Upper ends of the bands of amounts, in centavos, each included: those of `policy/degraded.toml`.
AMOUNT_BANDS: Final = (20_000, 100_000, 1_000_000)


def by_segment(
    judged: JudgedRows,
    scores: npt.NDArray[np.int64],
    *,
    score_one: int,
    reviews_per_day: int,
    resamples: int,
    seed: int,
    has_months: bool = True,
) -> dict[str, dict[str, object]]:
    """Rows, frauds and metrics of each Brasília month and each band of amounts, by its name.

    `scores` are integers of which `score_one` is a probability of 1. A month has all reviews of its
    days; bands share them by their part of the weight. Each part's intervals are of `resamples`
    draws. Rows without a time have no months (`has_months`).
    """
    found: dict[str, dict[str, object]] = {}
    for name, rows, has_whole_days in _parts(judged, has_months=has_months):
        part = judged.of(rows)
        share = 1.0 if has_whole_days else float(part.weights.sum() / judged.weights.sum())
        metrics = part.figures(
            scores[rows],
            chances=scores[rows] / score_one,
            reviews_per_day=max(round(reviews_per_day * share), 1),
            resamples=resamples if part.labels.any() else 0,
            seed=seed,
        )
        found[name] = {
            "rows": len(part),
            "frauds": int(part.labels.sum()),
            "metrics": as_table(metrics),
        }
    return found


def _parts(
    judged: JudgedRows, *, has_months: bool
) -> Iterator[tuple[str, npt.NDArray[np.bool_], bool]]:
    """Each part's name, its rows bool[n], and whether it has every row of its days."""
    seconds = ((judged.occurred_at + BRASILIA_OFFSET) // SECOND).astype("datetime64[s]")
    months = seconds.astype("datetime64[M]").astype(np.str_)
    for month in np.unique(months) if has_months else ():
        yield f"month {month}", months == month, True
    if not judged.amounts.any():
        return
    bands = np.searchsorted(AMOUNT_BANDS, judged.amounts, side="left")
    for band in np.unique(bands):
        below = AMOUNT_BANDS[band] if band < len(AMOUNT_BANDS) else None
        name = f"up to R$ {below // 100}" if below else f"above R$ {AMOUNT_BANDS[-1] // 100}"
        yield f"amount {name}", bands == band, False

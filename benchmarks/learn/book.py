"""The fifteen features of the Fraud Detection Handbook (its chapter 3), to check a protocol by.

A protocol that is the book's gives the book's figures with the book's features and a model of the
book's kind; only then do figures beside the book's mean anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from benchmarks.learn.handbook import FILE, FIRST_DAY
from crivo.domain.instant import DAY, HOUR
from crivo.model.artifact import names_hash
from crivo.model.dataset import Dataset

WINDOWS_DAYS: Final = (1, 7, 30)
DELAY_DAYS: Final = 7
NAMES: Final = (
    "amount",
    "during_weekend",
    "during_night",
    *(f"customer_{what}_{days}d" for days in WINDOWS_DAYS for what in ("count", "mean_amount")),
    *(f"terminal_{what}_{days}d" for days in WINDOWS_DAYS for what in ("count", "risk")),
)

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


def with_book_features(dataset: Dataset, data: Path) -> Dataset:
    """The same rows and labels with the book's features in place of the engine's.

    Raises:
        FileNotFoundError: `data` holds no such file.
    """
    table = pyarrow.parquet.read_table(data / FILE)
    at = table["TX_DATETIME"].to_numpy().astype("datetime64[us]").astype(np.int64)
    order = np.argsort(at, kind="stable")
    amount, fraud = (
        table[name].to_numpy().astype(np.float64)[order] for name in ("TX_AMOUNT", "TX_FRAUD")
    )
    customer, terminal = (
        table[name].to_numpy().astype(np.int64)[order] for name in ("CUSTOMER_ID", "TERMINAL_ID")
    )
    at = at[order]
    vectors = _features(at, amount, fraud, customer, terminal)
    kept = (np.rint(amount * 100) > 0) & (at >= FIRST_DAY) & (at <= dataset.occurred_at[-1])
    assert (at[kept] == dataset.occurred_at).all()
    return replace(dataset, vectors=vectors[kept], names=NAMES, set_hash=names_hash(NAMES))


def _features(
    at: Int64s, amount: Float64s, fraud: Float64s, customer: Int64s, terminal: Int64s
) -> Float64s:
    one = np.ones(len(at))
    # 1970-01-01 was a Thursday; the book's night ends with the hour of six.
    weekend = ((at // DAY + 3) % 7 >= 5).astype(np.float64)
    columns = [amount, weekend, (at % DAY // HOUR <= 6).astype(np.float64)]
    for days in WINDOWS_DAYS:
        count, total = _window(at, customer, (one, amount), 0, days)
        columns += [count, total / np.maximum(count, 1)]
    for days in WINDOWS_DAYS:
        count, frauds = _window(at, terminal, (one, fraud), DELAY_DAYS, days)
        columns += [count, frauds / np.maximum(count, 1)]
    return np.stack(columns, axis=1)


def _window(
    at: Int64s, group: Int64s, values: Sequence[Float64s], delay: int, days: int
) -> list[Float64s]:
    """Sums over each row's group from `delay + days` before it (left out) to `delay` before it."""
    since = at - at.min() + (DELAY_DAYS + max(WINDOWS_DAYS)) * DAY
    # Groups lie one after the other, further apart than any window is long.
    key = group * (2 * int(since.max())) + since
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    last = np.searchsorted(ordered, key - delay * DAY, side="right")
    first = np.searchsorted(ordered, key - (delay + days) * DAY, side="right")
    sums = [np.concatenate([[0.0], np.cumsum(each[order])]) for each in values]
    return [each[last] - each[first] for each in sums]

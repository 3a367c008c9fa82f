"""Prequential folds: test periods one after the other, each with its own past to learn from.

A fold trains on a stretch that ends a label delay before its test begins, so that every label it
learns from could have been known; the next fold moves on by one test period (Dawid, 1984; the
Fraud Detection Handbook, chapter 5). Nothing is ever shuffled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, format_rfc3339
from crivo.model.dataset import Dataset
from crivo.model.evaluate import known_compromised_removed
from crivo.model.groups import kept_apart

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FoldOptions:
    """So many folds, the last of which ends at the instant `end`; lengths in microseconds.

    `compromised_days`: payers with a fraud since so many days before the label delay leave the
    test from the first day on before which it was known (as `known_compromised_removed`, which
    wants delay and test in whole days); None leaves all in. It does not follow `train`, so that
    longer training is judged by the same rows.

    `apart`: the share of payers that are out of the training and alone in the test (chosen by a
    hash of their ids), so that nobody is judged whose own past was learnt; None keeps all in both.
    """

    end: int
    folds: int = 4
    train: int = 7 * DAY
    delay: int = 7 * DAY
    test: int = 7 * DAY
    compromised_days: int | None = 7
    apart: float | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """`[train_start, train_end)`, a gap of the label delay, `[test_start, test_end)`, and sizes.

    `rows_removed` counts the test rows of payers already known as compromised.
    """

    train_start: int
    train_end: int
    test_start: int
    test_end: int
    compromised_days: int | None
    apart: float | None
    rows_train: int
    positives_train: int
    rows_test: int
    positives_test: int
    rows_removed: int

    def train(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to fit on."""
        return _train_rows(dataset, self.train_start, self.train_end, self.apart)

    def labels_to_learn(self, dataset: Dataset) -> Bools:
        """bool[n]: the labels that were known when the test began."""
        return dataset.labels(self.test_start)

    def test(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to judge by."""
        return _test_rows(
            dataset,
            self.train_end,
            self.test_start,
            self.test_end,
            self.compromised_days,
            self.apart,
        )

    def as_json(self) -> dict[str, Any]:
        """Dates (RFC 3339) and sizes, for manifests, trackers and people."""
        return {
            item.name: format_rfc3339(getattr(self, item.name))
            if item.name.endswith(("_start", "_end"))
            else getattr(self, item.name)
            for item in fields(self)
        }


def prequential_folds(dataset: Dataset, options: FoldOptions) -> tuple[Fold, ...]:
    """The folds of `dataset`, oldest first.

    Raises:
        Refused: DATA_TOO_SMALL where a fold has no positive to learn from or to judge by, or where
            its training would begin before the data does.
    """
    assert min(options.folds, options.train, options.test) > 0
    assert options.apart is None or 0 < options.apart < 1
    return tuple(
        _fold(dataset, options, options.end - back * options.test)
        for back in range(options.folds - 1, -1, -1)
    )


def earlier(options: FoldOptions) -> FoldOptions:
    """Folds of the same shape whose every label was known when the first test of `options` began.

    What is chosen by them has seen nothing of the tests.
    """
    first_test = options.end - options.folds * options.test
    return replace(options, end=first_test - options.delay)


def folds_as_json(folds: Sequence[Fold]) -> list[dict[str, Any]]:
    """Every fold's dates and sizes."""
    return [fold.as_json() for fold in folds]


def _fold(dataset: Dataset, options: FoldOptions, test_end: int) -> Fold:
    test_start = test_end - options.test
    train_end = test_start - options.delay
    train_start = train_end - options.train
    first = int(dataset.occurred_at.min(initial=test_end))
    # The first row of a history need not fall on its first microsecond.
    if first >= train_start + options.train // 7:
        raise Refused(
            Code.DATA_TOO_SMALL,
            "a fold would train on days before the data begins",
            hint="Ask for fewer folds or a shorter training.",
            field="train_start",
            expected=f"rows from {format_rfc3339(train_start)} on",
            found=format_rfc3339(first),
        )
    train = _train_rows(dataset, train_start, train_end, options.apart)
    known_days, apart = options.compromised_days, options.apart
    test = _test_rows(dataset, train_end, test_start, test_end, known_days, apart)
    fold = Fold(
        train_start=train_start,
        train_end=train_end,
        test_start=test_start,
        test_end=test_end,
        compromised_days=options.compromised_days,
        apart=options.apart,
        rows_train=int(train.sum()),
        positives_train=int((train & dataset.labels(test_start)).sum()),
        rows_test=int(test.sum()),
        positives_test=int((test & dataset.labels()).sum()),
        rows_removed=int(_between(dataset, test_start, test_end).sum() - test.sum()),
    )
    for name, found in (("train", fold.positives_train), ("test", fold.positives_test)):
        if not found:
            raise Refused(
                Code.DATA_TOO_SMALL,
                f"a fold has no positive to {name}",
                hint="Give a longer history, or longer folds.",
                field=f"positives_{name}",
                expected=f"at least one in the fold that ends at {format_rfc3339(test_end)}",
                found=0,
            )
    return fold


def _train_rows(dataset: Dataset, start: int, end: int, apart: float | None) -> Bools:
    rows = _between(dataset, start, end)
    return rows if apart is None else rows & ~kept_apart(dataset.payers, apart, seed=0)


def _test_rows(
    dataset: Dataset,
    train_end: int,
    test_start: int,
    test_end: int,
    known_days: int | None,
    apart: float | None,
) -> Bools:
    rows = _between(dataset, test_start, test_end)
    if apart is not None:
        rows &= kept_apart(dataset.payers, apart, seed=0)
    if known_days is None:
        return rows
    return rows & known_compromised_removed(
        dataset.payers,
        dataset.occurred_at,
        dataset.known_at,
        train_start=train_end - known_days * DAY,
        train_days=known_days,
        delay_days=(test_start - train_end) // DAY,
        test_days=(test_end - test_start) // DAY,
    )


def _between(dataset: Dataset, start: int, end: int) -> Bools:
    inside: Bools = (dataset.occurred_at >= start) & (dataset.occurred_at < end)
    return inside

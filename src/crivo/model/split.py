"""Split by time: train, gap, calibration, gap, test; a gap is the label delay. Nothing is shuffled.

Each part ends a label delay before the next begins: whatever is learnt from it, forest or curve,
is learnt from rows whose silence says something, and from labels that were known by then.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, format_rfc3339
from crivo.model.dataset import Dataset

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Shares of the rows in the order of time, newest last; fewest positives of each part."""

    test_share: float = 0.15
    calibration_share: float = 0.15
    train_positives_min: int = 20
    calibration_positives_min: int = 5
    test_positives_min: int = 5


@dataclass(frozen=True, slots=True)
class Split:
    """Instants that cut the rows: `[train_start, train_end)`, gap, `[calibration_start,
    last_end)`, gap, `[test_start, test_end)`; and how many rows and positives each part has.

    A training label counts iff it was known at `calibration_start`: a model in use could not have
    learnt from later ones. The last fit is on `[train_start, last_end)`, which holds what could be
    known when the test began. Its labels, and those of the calibration rows, count iff they were
    known at `test_start`; what became known later judges and teaches nothing.
    """

    train_start: int
    train_end: int
    calibration_start: int
    last_end: int
    test_start: int
    test_end: int
    rows_train: int
    rows_gap: int
    rows_calibration: int
    rows_last: int
    rows_test: int
    positives_train: int
    positives_calibration: int
    positives_last: int
    positives_test: int

    def train(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to fit on before the calibration."""
        return _between(dataset, self.train_start, self.train_end)

    def calibration(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to calibrate on."""
        return _between(dataset, self.calibration_start, self.last_end)

    def last(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows of the last fit."""
        return _between(dataset, self.train_start, self.last_end)

    def test(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to judge by."""
        return _between(dataset, self.test_start, self.test_end)

    def as_json(self) -> dict[str, Any]:
        """Dates (RFC 3339) and sizes, for manifests, trackers and people."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: value if name.startswith(("rows", "positives")) else format_rfc3339(value)
            for name, value in values.items()
        }


def split_by_time(dataset: Dataset, options: SplitOptions) -> Split:
    """Where the parts of `dataset` begin and end.

    Raises:
        Refused: DATA_TOO_SMALL, with what was needed and found.
    """
    if len(dataset) == 0:
        raise _too_small("rows", 1, 0)
    ordered = np.sort(dataset.occurred_at)
    start, end = int(ordered[0]), int(ordered[-1]) + 1
    span = end - start
    test_start = _instant_of_share(ordered, 1 - options.test_share)
    last_end = test_start - dataset.label_delay
    # The share is of all rows, and lies before the second gap.
    left = np.searchsorted(ordered, last_end) / len(ordered) - options.calibration_share
    calibration_start = _instant_of_share(ordered, max(left, 0.0))
    train_end = calibration_start - dataset.label_delay
    if train_end <= start:
        raise _too_small(
            "days before the gaps of the label delay",
            (end - calibration_start + dataset.label_delay) / DAY,
            span / DAY,
        )
    parts = {
        "train": _between(dataset, start, train_end),
        "gap": _between(dataset, train_end, calibration_start)
        | _between(dataset, last_end, test_start),
        "calibration": _between(dataset, calibration_start, last_end),
        "last": _between(dataset, start, last_end),
        "test": _between(dataset, test_start, end),
    }
    labels = {
        "train": dataset.labels(calibration_start),
        "calibration": dataset.labels(test_start),
        "last": dataset.labels(test_start),
        "test": dataset.labels(),
    }
    positives = {name: int(labels[name][parts[name]].sum()) for name in labels}
    for name, needed in (
        ("train", options.train_positives_min),
        ("calibration", options.calibration_positives_min),
        ("test", options.test_positives_min),
    ):
        if positives[name] < needed:
            raise _too_small(f"positives to {name}", needed, positives[name])
        if not (negatives := int(parts[name].sum()) - positives[name]):
            raise _too_small(f"rows that are no fraud to {name}", 1, negatives)
    return Split(
        train_start=start,
        train_end=train_end,
        calibration_start=calibration_start,
        last_end=last_end,
        test_start=test_start,
        test_end=end,
        rows_train=int(parts["train"].sum()),
        rows_gap=int(parts["gap"].sum()),
        rows_calibration=int(parts["calibration"].sum()),
        rows_last=int(parts["last"].sum()),
        rows_test=int(parts["test"].sum()),
        positives_train=positives["train"],
        positives_calibration=positives["calibration"],
        positives_last=positives["last"],
        positives_test=positives["test"],
    )


_NO_POSITIVES: Final = (
    " There is none: in this stretch no row was called fraud, or its reports became known later, "
    "or what [label] names as positive is not what the table holds."
)


def _instant_of_share(ordered: npt.NDArray[np.int64], share: float) -> int:
    """The instant before which this share of the rows lies."""
    return int(ordered[min(int(len(ordered) * share), len(ordered) - 1)])


def _between(dataset: Dataset, start: int, end: int) -> Bools:
    inside: Bools = (dataset.occurred_at >= start) & (dataset.occurred_at < end)
    return inside


def _too_small(what: str, needed: float, found: float) -> Refused:
    return Refused(
        Code.DATA_TOO_SMALL,
        f"there are too few {what} to train, calibrate and test",
        hint="Give a longer history, or a later time up to which labels are known."
        + (_NO_POSITIVES if what.startswith("positives") and not found else ""),
        field=what,
        expected=f"at least {needed:g}",
        found=round(found, 3),
    )

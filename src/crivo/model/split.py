"""Split by time: train, gap, calibration, gap, test; a gap is the label delay. Nothing is shuffled.

Each part ends a label delay before the next begins: whatever is learnt from it, forest or curve,
is learnt from rows whose silence says something, and from labels that were known by then.

The calibration rows are one stretch or several in a row, folds of about the test's size: the curve
is made of the margins of each by a fit that ended a label delay before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY, SECOND, format_rfc3339
from crivo.model.dataset import Dataset
from crivo.model.groups import already_compromised, check_named, kept_apart
from crivo.model.labels import NEVER
from crivo.model.order import Order, said

Bools = npt.NDArray[np.bool_]


#: Of all rows, what one fold of the calibration has.
FOLD_SHARE: Final = 0.15

#: Folds at most where nobody asks for another share: on three simulated worlds a curve of three and
#: more was nearer than one of two (`benchmarks/learning_calibration.py`); each costs a fit.
USUAL_FOLDS: Final = 3

#: Of fewer frauds a forest learns so little that its margins say nothing of the last fit's.
FIRST_POSITIVES_ENOUGH: Final = 100


@dataclass(frozen=True, slots=True)
class Cuts:
    """The instants (µs) at which the first fit ends, and the calibration rows with the last fit.

    What follows each begins a label delay later: the calibration, and the test.
    """

    train_end: int
    last_end: int


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Shares of the rows in the order of time, newest last; fewest positives of each part.

    Where `calibration_share` is None it is that of `USUAL_FOLDS`, or of the most that leave as many
    positives as `FIRST_POSITIVES_ENOUGH` known before the first of them; at least of one.
    `cuts` are where the parts end, in place of where the shares of test and calibration put it.
    `apart` is the share of payers (above 0, below 1) that are judged and never learnt from: the
    test is of them alone, all else of the others, as `apart_seed` draws them.
    `without_compromised`: rows of payers of whom a fraud was known before the row leave the
    calibration and the test, as an institution that knew would have acted; the
    training keeps them.
    """

    test_share: float = 0.15
    calibration_share: float | None = None
    train_positives_min: int = 20
    calibration_positives_min: int = 5
    test_positives_min: int = 5
    apart: float | None = None
    apart_seed: int = 0
    without_compromised: bool = False
    cuts: Cuts | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Instants that cut the rows: `[train_start, train_end)`, gap, `[calibration_start,
    last_end)`, gap, `[test_start, test_end)`; and how many rows and positives each part has.
    `calibration_starts` are those of its folds, of which the first is `calibration_start`.
    Where `order` is not that of time, instants are places in that order.
    `rows_apart` are those of payers who are on the other side of `apart`, `rows_compromised_…`
    those that left a part for a fraud that was known.

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
    apart: float | None = None
    apart_seed: int = 0
    without_compromised: bool = False
    calibration_starts: tuple[int, ...] = ()
    order: Order = Order.TIME
    rows_train: int = 0
    rows_gap: int = 0
    rows_calibration: int = 0
    rows_last: int = 0
    rows_test: int = 0
    rows_apart: int = 0
    rows_compromised_calibration: int = 0
    rows_compromised_test: int = 0
    positives_train: int = 0
    positives_calibration: int = 0
    positives_last: int = 0
    positives_test: int = 0

    def train(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to fit on before the calibration."""
        return _between(dataset, self.train_start, self.train_end) & ~self.apart_rows(dataset)

    def calibration(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to calibrate on."""
        rows = _between(dataset, self.calibration_start, self.last_end)
        return rows & ~self.apart_rows(dataset) & ~self._compromised(dataset)

    def folds(self, dataset: Dataset) -> list[tuple[int, Bools, Bools]]:
        """Of each fold of the calibration that has rows, when it begins, the rows to fit on,
        bool[n], and its own: what is fitted ends a label delay before, as `train` does before the
        first.
        """
        held, learnt = self.calibration(dataset), self.last(dataset)
        gap = self.calibration_start - self.train_end
        found = []
        for start, end in pairwise([*self.calibration_starts, self.last_end]):
            before = learnt & _between(dataset, self.train_start, start - gap)
            own = held & _between(dataset, start, end)
            if own.any():
                found.append((start, before, own))
        return found

    def last(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows of the last fit."""
        return _between(dataset, self.train_start, self.last_end) & ~self.apart_rows(dataset)

    def test(self, dataset: Dataset) -> Bools:
        """bool[n]: the rows to judge by."""
        rows = _between(dataset, self.test_start, self.test_end) & ~self._compromised(dataset)
        return rows if self.apart is None else rows & self.apart_rows(dataset)

    def apart_rows(self, dataset: Dataset) -> Bools:
        """bool[n]: rows of payers that nothing is learnt from; none where all may be."""
        if self.apart is None:
            return np.zeros(len(dataset), np.bool_)
        return kept_apart(dataset.payers, self.apart, seed=self.apart_seed)

    def _compromised(self, dataset: Dataset) -> Bools:
        if not self.without_compromised:
            return np.zeros(len(dataset), np.bool_)
        known_at = np.where(dataset.labels(), dataset.known_at, NEVER)
        return already_compromised(dataset.payers, dataset.occurred_at, known_at)

    def as_json(self) -> dict[str, Any]:
        """Dates (RFC 3339; places, where rows have no time) and sizes, for manifests and people."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["calibration_starts"] = ", ".join(map(self.said, self.calibration_starts))
        values["order"] = self.order.value
        is_dated = self.order is Order.TIME
        return {
            name: format_rfc3339(value) if is_dated and name.endswith(("_start", "_end")) else value
            for name, value in values.items()
        }

    def said(self, instant: int) -> str:
        """An instant of the split, for people: as RFC 3339, or the place that stands for it."""
        return said(instant, self.order)


def split_by_time(dataset: Dataset, options: SplitOptions) -> Split:
    """Where the parts of `dataset` begin and end.

    Raises:
        Refused: DATA_TOO_SMALL, with what was needed and found; FIELD_MISSING where payers are to
            be told apart and rows name none.
    """
    if len(dataset) == 0:
        raise _too_small(dataset, "rows", 1, 0)
    if options.apart is not None or options.without_compromised:
        check_named(dataset.payers)
    ordered = np.sort(dataset.occurred_at)
    start, end = int(ordered[0]), int(ordered[-1]) + 1
    span = end - start
    delay = dataset.label_delay
    assert delay >= 0, "a label is known after its row"
    if options.without_compromised and dataset.order is Order.DRAWN:
        raise _without_before()
    if ordered[0] == ordered[-1]:
        raise _one_instant(dataset)
    cuts = options.cuts or _cuts_of_shares(dataset, ordered, options)
    calibration_start, test_start = cuts.train_end + delay, cuts.last_end + delay
    if cuts.train_end <= start and dataset.order is not Order.TIME:
        raise _too_small(dataset, "rows", len(dataset) + 1, len(dataset))
    if cuts.train_end <= start:
        raise _too_short(dataset, needed=end - cuts.train_end, found=span)
    split = Split(
        train_start=start,
        train_end=cuts.train_end,
        calibration_start=calibration_start,
        last_end=cuts.last_end,
        test_start=test_start,
        test_end=end,
        apart=options.apart,
        apart_seed=options.apart_seed,
        without_compromised=options.without_compromised,
        calibration_starts=_fold_starts(ordered, calibration_start, cuts.last_end),
        order=dataset.order,
    )
    parts = {
        "train": split.train(dataset),
        "calibration": split.calibration(dataset),
        "last": split.last(dataset),
        "test": split.test(dataset),
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
            raise _too_small(dataset, f"positives to {name}", needed, positives[name])
        if not (negatives := int(parts[name].sum()) - positives[name]):
            raise _too_small(dataset, f"rows that are no fraud to {name}", 1, negatives)
    return replace(split, **_sizes(dataset, split, parts, positives))


def _sizes(
    dataset: Dataset, split: Split, parts: Mapping[str, Bools], positives: Mapping[str, int]
) -> dict[str, Any]:
    """How many rows and positives each part has, and how many rows are in none, by cause."""
    gap = _between(dataset, split.train_end, split.calibration_start)
    gap |= _between(dataset, split.last_end, split.test_start)
    tested = _between(dataset, split.test_start, split.test_end)
    other_side = np.zeros(len(dataset), np.bool_)
    if split.apart is not None:
        other_side = split.apart_rows(dataset) ^ tested
    compromised = ~gap & ~other_side & ~(parts["train"] | parts["calibration"] | parts["test"])
    return {
        **{f"rows_{name}": int(rows.sum()) for name, rows in parts.items()},
        **{f"positives_{name}": count for name, count in positives.items()},
        "rows_gap": int(gap.sum()),
        "rows_apart": int((other_side & ~gap).sum()),
        "rows_compromised_calibration": int((compromised & ~tested).sum()),
        "rows_compromised_test": int((compromised & tested).sum()),
    }


_LONGER: Final = "Give a longer history, or a later time up to which labels are known."
_NO_POSITIVES: Final = (
    " There is none: in this stretch no row was called fraud, or its reports became known later, "
    "or what [label] names as positive is not what the table holds."
)


def _cuts_of_shares(
    dataset: Dataset, ordered: npt.NDArray[np.int64], options: SplitOptions
) -> Cuts:
    """The newest rows to the test, and of all rows such a share before the second gap."""
    delay = dataset.label_delay
    last_end = _instant_of_share(ordered, 1 - options.test_share) - delay
    before = np.searchsorted(ordered, last_end) / len(ordered)

    def start_of(share: float) -> int:
        return _instant_of_share(ordered, max(before - share, 0.0))

    share = options.calibration_share
    if share is None:
        share = _most_folds(dataset, options, start_of) * FOLD_SHARE
    return Cuts(start_of(share) - delay, last_end)


def _most_folds(dataset: Dataset, options: SplitOptions, start_of: Callable[[float], int]) -> int:
    """How many folds leave enough positives to the first fit, as `SplitOptions` says."""
    learnt = np.ones(len(dataset), np.bool_)
    if options.apart is not None:
        learnt = ~kept_apart(dataset.payers, options.apart, seed=options.apart_seed)
    for folds in range(USUAL_FOLDS, 1, -1):
        start = start_of(folds * FOLD_SHARE)
        known = dataset.labels(start) & (dataset.occurred_at < start - dataset.label_delay) & learnt
        if known.sum() >= FIRST_POSITIVES_ENOUGH:
            return folds
    return 1


def _fold_starts(ordered: npt.NDArray[np.int64], start: int, end: int) -> tuple[int, ...]:
    """Where folds of equally many rows begin, each of about `FOLD_SHARE` of all rows."""
    first, last = np.searchsorted(ordered, [start, end]).tolist()
    folds = max(round((last - first) / (FOLD_SHARE * len(ordered))), 1)
    places = [first + (last - first) * fold // folds for fold in range(1, folds)]
    return tuple(sorted({start, *ordered[places].tolist()}))


def _instant_of_share(ordered: npt.NDArray[np.int64], share: float) -> int:
    """The instant before which this share of the rows lies."""
    return int(ordered[min(int(len(ordered) * share), len(ordered) - 1)])


def _between(dataset: Dataset, start: int, end: int) -> Bools:
    inside: Bools = (dataset.occurred_at >= start) & (dataset.occurred_at < end)
    return inside


def _without_before() -> Refused:
    return Refused(
        Code.FIELD_MISSING,
        "whose fraud was known before a row cannot be told where rows have no time",
        hint="Name the column of the time in [time] of the mapping, or leave out "
        "--without-compromised.",
        field="time",
        expected="a section of the mapping",
        found="none",
    )


def _one_instant(dataset: Dataset) -> Refused:
    return Refused(
        Code.DATA_TOO_SMALL,
        "all rows lie at one instant, so that none is later than another",
        hint="Look at [time] in the mapping: is its column a constant, or a date cut short?",
        field="times of the rows",
        expected="at least 2, and as many as there are days",
        found=f"{format_rfc3339(int(dataset.occurred_at[0]))} in each of {len(dataset):,} rows",
    )


def _too_short(dataset: Dataset, *, needed: int, found: int) -> Refused:
    """Of spans in microseconds."""
    delay, why = dataset.label_delay, ""
    if delay:
        why = f", with a gap of {_span_text(delay)}, as labels take, before each of two parts"
    return Refused(
        Code.DATA_TOO_SMALL,
        "the history is too short to train, calibrate and test",
        hint=_hint(dataset, _LONGER),
        field="time from the first row to the last",
        expected=f"more than {_span_text(needed)}{why}",
        found=_span_text(found),
    )


def _span_text(span: int) -> str:
    """A span of microseconds in days, or in seconds where it is shorter than one."""
    return f"{span / DAY:.1f} days" if span >= DAY else f"{span / SECOND:,.3g} s"


def _too_small(dataset: Dataset, what: str, needed: int, found: int) -> Refused:
    hint = _LONGER
    if what.startswith("positives") and not found:
        hint += _NO_POSITIVES
    return Refused(
        Code.DATA_TOO_SMALL,
        f"to train, calibrate and test there are too few {what}",
        hint=_hint(dataset, hint),
        field=what,
        expected=f"at least {needed}",
        found=found,
    )


def _hint(dataset: Dataset, hint: str) -> str:
    """The hint, and what was left out of the data, if anything was."""
    left_out = ", ".join(f"{count:,} {cause}" for cause, count in dataset.left_out.items() if count)
    if not left_out:
        return hint
    said = (
        f"Left out were {left_out}; `crivo quarantine list`, with --home and --log where these are "
        "not the usual ones, shows what was refused."
    )
    return f"{hint} {said}" if len(dataset) else said

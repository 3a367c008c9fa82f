"""Choosing: a search of the forest's options on folds that end before anything is calibrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from crivo.domain.errors import Code, Refused
from crivo.domain.instant import DAY
from crivo.model.dataset import Dataset
from crivo.model.prequential import FoldOptions, prequential_folds
from crivo.model.search import search
from crivo.model.split import SplitOptions, split_by_time
from crivo.model.train import TrainOptions

FOLDS: Final = 3
#: The part of the training rows' time that one fold is judged by.
_TEST_PART: Final = 8

#: Called with (stage, done, total).
Progress = Callable[[str, int, int], None]


def fold_options(dataset: Dataset, split_options: SplitOptions) -> FoldOptions:
    """Folds over the training rows of the split, each with the gap of the label delay.

    Raises:
        Refused: DATA_TOO_SMALL where they would leave nothing to train on.
    """
    split = split_by_time(dataset, split_options)
    span = split.train_end - split.train_start
    test = span // _TEST_PART
    train = span - FOLDS * test - dataset.label_delay
    if train < test:
        raise Refused(
            Code.DATA_TOO_SMALL,
            "the history is too short to choose by folds",
            hint="Train without --tries, or give a longer history.",
            field="days to train a fold on",
            expected=f"at least {test / DAY:.3g}",
            found=round(train / DAY, 3),
        )
    return FoldOptions(
        end=split.train_end,
        folds=FOLDS,
        train=train,
        delay=dataset.label_delay,
        test=test,
        compromised_days=None,
    )


def chosen(
    dataset: Dataset,
    split_options: SplitOptions,
    options: TrainOptions,
    *,
    tries: int,
    file: Path,
    progress: Progress,
) -> TrainOptions:
    """The options with the best forest of `tries` configurations; with one try, as they are.

    The tries are kept in `file`: the same call goes on where it was interrupted.

    Raises:
        Refused: DATA_TOO_SMALL.
    """
    if tries <= 1:
        return options
    folds = fold_options(dataset, split_options)
    # What became known after the calibration began chooses nothing either.
    split = split_by_time(dataset, split_options)
    known = replace(dataset, labels_as_of=split.calibration_start)
    if split.apart is not None:
        known = known.only(~split.apart_rows(known))
    found = search(
        known,
        prequential_folds(known, folds),
        start=options.booster,
        budget=tries,
        file=file,
        progress=lambda done, budget, best: progress(
            f"try {done} of {budget}, best average precision so far {best:.4f}", done, budget
        ),
    )
    return replace(options, booster=found.options, tried=found.tried)

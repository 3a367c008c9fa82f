"""Settings of the forest on ULB: one moved at a time, on four earlier tenths of its time.

The last fifth, which is reported, is not looked at: each tenth is judged by forests that learnt
from the four tenths before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.folds import Over, over_folds
from benchmarks.learn.ulb import FILE, ulb_dataset
from crivo.flows.train import ROWS_SPLIT
from crivo.model.booster import BoosterOptions, boosted
from crivo.model.dataset import Dataset
from crivo.model.prequential import Fold, FoldOptions, prequential_folds
from crivo.model.split import split_by_time

#: What differs from the defaults.
MOVED: Final[tuple[Mapping[str, Any], ...]] = (
    {"learning_rate": 0.02, "trees": 750},
    {"learning_rate": 0.1, "trees": 150},
    {"trees": 600},
    {"leaves": 8},
    {"leaves": 32},
    {"hessian_min": 0.1},
    {"rows_leaf_min": 5},
    {"rows_leaf_min": 100},
    {"penalty": 10.0},
    {"feature_share": 0.3},
)
USUAL: Final = BoosterOptions()
#: Parts of the time before the reported test, of which each fold learns from four and judges one.
FOLDS: Final = 4
LEARNT: Final = 4
_SHOWN: Final = {"average_precision": "AP", "auc": "AUC"}


def run(setting: Setting) -> Iterator[Row]:
    """The defaults, and what each other setting has more than they, fold by fold."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    dataset = ulb_dataset(data_folder())
    moved = MOVED[:2] if setting.quick else MOVED
    yield setting.row("ULB, earlier tenths, settings compared", "", [float(len(moved) + 1)])
    yield from compared(setting, dataset, earlier_folds(dataset), moved)


def earlier_folds(dataset: Dataset) -> tuple[Fold, ...]:
    """Four tenths or so of the time before the test that is reported, each with four before it."""
    split = split_by_time(dataset, ROWS_SPLIT)
    part = (split.test_start - split.train_start) // (FOLDS + LEARNT)
    return prequential_folds(
        dataset,
        FoldOptions(
            end=split.test_start,
            folds=FOLDS,
            train=LEARNT * part,
            delay=0,
            test=part,
            compromised_days=None,
        ),
    )


def compared(
    setting: Setting,
    dataset: Dataset,
    folds: tuple[Fold, ...],
    moved: tuple[Mapping[str, Any], ...],
    usual: BoosterOptions = USUAL,
) -> Iterator[Row]:
    """The figures of the defaults and of each setting, and the gain with its standard error."""
    settings = {"the defaults": usual} | {
        ", ".join(f"{name} {value:g}" for name, value in each.items()): replace(usual, **each)
        for each in moved
    }
    found = {
        name: over_folds(dataset, folds, {name: _learner(options)}, capacity=1)[name]
        for name, options in settings.items()
    }
    before = found["the defaults"]
    for name, figures in found.items():
        for metric, shown in _SHOWN.items():
            what, over = f"ULB, earlier tenths, {name}, {shown}", figures[metric]
            count = f"mean of {len(over.values)}"
            yield setting.row(what, count, [over.mean], peer=before[metric].mean)
            if name == "the defaults":
                continue
            pairs = zip(over.values, before[metric].values, strict=True)
            gain = Over(tuple(one - other for one, other in pairs))
            yield setting.row(f"{what}, more than the defaults", count, [gain.mean])
            yield setting.row(f"{what}, more, standard error", "", [gain.error])


def _learner(options: BoosterOptions) -> Any:
    return lambda *given: boosted(*given, options)

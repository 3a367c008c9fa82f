"""Choosing for the Handbook: a search on four weeks that ended before the first reported one began.

Every label of those weeks was known by then. It starts from the options that the reported weeks are
learnt by, and says how many were tried and whether one of them was better there. The tries are
kept, so that a search that was interrupted goes on. Quick, two are tried and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.handbook import FILE, PROTOCOL, handbook_dataset
from benchmarks.learning_handbook import SHORT
from crivo.bootstrap.service import serving_plan
from crivo.model.dataset import Dataset
from crivo.model.prequential import earlier, prequential_folds
from crivo.model.search import RANGES, Found, search

#: Configurations in all.
BUDGET: Final = 20
TRIES: Final = Path(__file__).resolve().parents[1] / ".crivo" / "handbook_choice.journal"


def run(setting: Setting) -> Iterator[Row]:
    """How many were tried, and the best of them beside what is used, by mean AP over the weeks."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    data = data_folder()
    dataset = handbook_dataset(data, serving_plan(), until=earlier(PROTOCOL).end)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tries" if setting.quick else TRIES
        used = searched(dataset, 1, file)
        found = searched(dataset, 2 if setting.quick else BUDGET, file)
    what = "Handbook, four weeks before the reported ones"
    yield setting.row(f"{what}, configurations tried", "", [float(found.tried)])
    yield setting.row(f"{what}, of them stopped early", "", [float(found.pruned)])
    yield setting.row(f"{what}, AP of what is used", "mean of 4", [used.average_precision])
    yield setting.row(f"{what}, AP of the best", "mean of 4", [found.average_precision])
    for name in RANGES:
        value = float(getattr(found.options, name))
        yield setting.row(f"{what}, {name} of the best", "", [value])


def searched(dataset: Dataset, budget: int, file: Path) -> Found:
    """The search, begun or gone on with, up to so many configurations in all."""
    folds = prequential_folds(dataset, earlier(PROTOCOL))
    return search(dataset, folds, start=SHORT, budget=budget, file=file, progress=lambda *_: None)

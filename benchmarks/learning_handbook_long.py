"""The Handbook's test weeks after 90 days of training: the same rows judged, the same capacity.

Of a few configurations the best on four earlier weeks is what the reported weeks see. The labels of
these weeks were known before the first reported one began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.folds import over_folds
from benchmarks.learn.handbook import FILE, FIRST_DAY, PROTOCOL, handbook_dataset
from benchmarks.learning_handbook import CAPACITY, SHORT, contenders
from crivo.bootstrap.service import serving_plan
from crivo.domain.instant import DAY
from crivo.model.baselines import Learner
from crivo.model.booster import BoosterOptions, boosted
from crivo.model.dataset import Dataset
from crivo.model.prequential import FoldOptions, earlier, prequential_folds

DAYS: Final = 90
#: What is tried: what seven days of training use, twice as many trees, and larger ones.
TRIED: Final = (SHORT, replace(SHORT, trees=300), replace(SHORT, leaves=31))
#: LightGBM with 90 days and four more features, measured elsewhere before.
BEFORE: Final = {"average_precision": 0.729, "payer_precision": 0.311, "auc": 0.879}


def run(setting: Setting) -> Iterator[Row]:
    """The rows of ninety days of training."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    dataset = handbook_dataset(data_folder(), serving_plan())
    place, earlier_precision = chosen(dataset, earlier_folds(), TRIED)
    number = len(TRIED)
    for tried, precision in zip(TRIED, earlier_precision, strict=True):
        yield setting.row(
            f"Handbook, earlier weeks, {tried.trees} trees of {tried.leaves} leaves, AP",
            f"mean of {earlier_folds().folds}",
            [precision],
        )
    yield from contenders(
        setting,
        dataset,
        replace(PROTOCOL, train=DAYS * DAY),
        TRIED[place],
        what=f"Handbook, {DAYS} days of training, the best of {number} on earlier weeks, one of "
        f"them chosen by hand before ({TRIED[place].trees} trees of {TRIED[place].leaves} leaves)",
        champion="champion (peer: measured before)",
        targets={"average_precision": 0.725, "payer_precision": 0.310},
        peers=BEFORE,
    )


def earlier_folds() -> FoldOptions:
    """The weeks that choose, after the longest training that begins with the data."""
    weeks = earlier(PROTOCOL)
    first_test = weeks.end - weeks.folds * weeks.test
    return replace(weeks, train=min(DAYS * DAY, first_test - weeks.delay - FIRST_DAY))


def chosen(
    dataset: Dataset, options: FoldOptions, tried: Sequence[BoosterOptions]
) -> tuple[int, list[float]]:
    """Which of the configurations ranks the folds best, and the mean AP of each over them."""
    learners = {str(place): _learner(each) for place, each in enumerate(tried)}
    found = over_folds(dataset, prequential_folds(dataset, options), learners, capacity=CAPACITY)
    means = [found[name]["average_precision"].mean for name in learners]
    return means.index(max(means)), means


def _learner(options: BoosterOptions) -> Learner:
    return lambda *given: boosted(*given, options)

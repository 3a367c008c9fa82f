"""The Fraud Detection Handbook's protocol: AP and CP@100 over four test weeks, beside the book's.

Each figure is the mean over the folds, with its standard error in a row of its own. What is fixed
here was chosen on four earlier weeks, whose labels were known before the first test week began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from benchmarks.harness import Row, Setting
from benchmarks.learn.book import with_book_features
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.folds import Over, over_folds
from benchmarks.learn.handbook import FILE, PROTOCOL, handbook_dataset
from crivo.bootstrap.service import serving_plan
from crivo.model.baselines import Learner, best_feature, logistic
from crivo.model.booster import BoosterOptions, boosted
from crivo.model.dataset import Dataset
from crivo.model.prequential import FoldOptions, prequential_folds

CAPACITY: Final = 100

#: What both lengths of training use; `python -m benchmarks learning_choose` tries others on the
#: earlier weeks and says how many.
SHORT: Final = BoosterOptions(trees=150)
#: The book's best, its XGBoost.
BOOK: Final = {"average_precision": 0.687, "payer_precision": 0.302, "auc": 0.872}
BOOK_LOGISTIC: Final = {"average_precision": 0.623, "payer_precision": 0.298, "auc": 0.868}

NOTHING: Final[Mapping[str, float]] = MappingProxyType({})
_SHOWN: Final = {"average_precision": "AP", "payer_precision": f"CP@{CAPACITY}", "auc": "AUC"}


def run(setting: Setting) -> Iterator[Row]:
    """The rows of seven days of training; the book's own features first, to check the protocol."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    protocol = replace(PROTOCOL, folds=2) if setting.quick else PROTOCOL
    data = data_folder()
    made = handbook_dataset(data, serving_plan())
    of_book = with_book_features(made, data)
    found = over_folds(
        of_book, prequential_folds(of_book, protocol), {"logistic": logistic}, capacity=CAPACITY
    )
    what = "Handbook, 7 days of training, logistic on the book's features (peer: the book's)"
    yield from rows(setting, what, found["logistic"], peers=BOOK_LOGISTIC)
    yield from contenders(
        setting,
        made,
        protocol,
        SHORT,
        what="Handbook, 7 days of training",
        champion="champion (peer: the book's XGBoost)",
        targets={"average_precision": 0.70, "payer_precision": 0.304},
        peers=BOOK,
        logistic_peers=BOOK_LOGISTIC,
    )


def contenders(
    setting: Setting,
    dataset: Dataset,
    protocol: FoldOptions,
    booster: BoosterOptions,
    *,
    what: str,
    champion: str,
    targets: Mapping[str, float],
    peers: Mapping[str, float],
    logistic_peers: Mapping[str, float] = NOTHING,
) -> Iterator[Row]:
    """The champion's rows over the protocol's folds, after those of the two that it has to beat."""
    learners: dict[str, Learner] = {
        "best single feature": lambda *given: best_feature(*given)[1],
        "logistic": logistic,
        "champion": lambda *given: boosted(*given, booster),
    }
    folds = prequential_folds(dataset, protocol)
    found = over_folds(dataset, folds, learners, capacity=CAPACITY)
    beside = " (peer: the book's)" if logistic_peers else ""
    yield from rows(setting, f"{what}, best single feature", found["best single feature"])
    yield from rows(setting, f"{what}, logistic{beside}", found["logistic"], peers=logistic_peers)
    yield from rows(setting, f"{what}, {champion}", found["champion"], targets=targets, peers=peers)


def rows(
    setting: Setting,
    what: str,
    found: Mapping[str, Over],
    *,
    targets: Mapping[str, float] = NOTHING,
    peers: Mapping[str, float] = NOTHING,
) -> Iterator[Row]:
    """A contender's figures over the folds, each with its standard error."""
    for name, shown in _SHOWN.items():
        yield setting.row(
            f"{what}, {shown}",
            f"mean of {len(found[name].values)}",
            [found[name].mean],
            at_least=targets.get(name),
            peer=peers.get(name),
        )
        yield setting.row(f"{what}, {shown}, standard error", "", [found[name].error])

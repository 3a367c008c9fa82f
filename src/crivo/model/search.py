"""Search of hyper-parameters: a budget of tries, judged by folds, pruned, and taken up again.

Optuna proposes (Akiba et al., 2019; its tree-structured Parzen estimator) and stops a try early
that is worse, after as many folds, than the median of the others. The tries are kept in a file, so
that a search that was interrupted goes on, and ends where it would have ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from crivo.model.booster import BoosterOptions, boosted
from crivo.model.dataset import Dataset
from crivo.model.evaluate import average_precision
from crivo.model.files import canonical_json
from crivo.model.prequential import Fold, folds_as_json

#: Tries that are judged by every fold before any is stopped early.
_UNPRUNED: Final = 5
#: What is searched, on a logarithmic scale; a start outside widens its range.
RANGES: Final = {
    "trees": (50, 800),
    "leaves": (4, 64),
    "learning_rate": (0.01, 0.2),
    "hessian_min": (0.01, 10.0),
    "rows_leaf_min": (5, 200),
    "feature_share": (0.2, 1.0),
    "penalty": (0.01, 100.0),
}
_FINISHED: Final = (TrialState.COMPLETE, TrialState.PRUNED)

#: Called with (tries done, budget, best average precision so far).
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True)
class Found:
    """The best options, their mean average precision over the folds, and what was tried.

    `tried` counts every configuration that was looked at, the pruned ones and the first included.
    """

    options: BoosterOptions
    average_precision: float
    tried: int
    pruned: int


def search(
    dataset: Dataset,
    folds: Sequence[Fold],
    *,
    start: BoosterOptions,
    budget: int,
    file: Path,
    progress: Progress,
) -> Found:
    """The best of `budget` configurations by mean average precision over `folds`.

    The first try is `start` itself, so that the result is never worse than it on these folds. Equal
    arguments give equal results, whether or not the search was interrupted: each try is drawn with
    a seed of its own. Another data set, other folds or another start is another study.

    Args:
        dataset: What is learnt from.
        folds: None of them may be one that is reported.
        start: What is tried first; what is not searched (seed, threads) stays as it is here.
        budget: Tries in all, those of earlier calls with the same file included.
        file: Where the tries are kept.
        progress: Told after each try; where tries were kept, first of these.
    """
    assert budget > 0
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=_name(dataset, folds, start),
        storage=JournalStorage(JournalFileBackend(str(file))),
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED),
        load_if_exists=True,
    )
    for left in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(left.number, state=TrialState.FAIL)
    if done := len(study.get_trials(states=_FINISHED)):
        progress(done, budget, study.best_value)
    while (done := len(study.get_trials(states=_FINISHED))) < budget:
        study.sampler = optuna.samplers.TPESampler(seed=start.seed * 100_003 + done)
        if done == 0 and not study.get_trials(states=(TrialState.WAITING,)):
            study.enqueue_trial(_as_parameters(start))
        _try(study, dataset, folds, start)
        progress(done + 1, budget, study.best_value)
    pruned = len(study.get_trials(states=(TrialState.PRUNED,)))
    return Found(
        options=_options(study.best_trial, start),
        average_precision=study.best_value,
        tried=len(study.get_trials(states=_FINISHED)),
        pruned=pruned,
    )


def _try(
    study: optuna.Study, dataset: Dataset, folds: Sequence[Fold], start: BoosterOptions
) -> None:
    trial = study.ask()
    options = _options(trial, start)
    found: list[float] = []
    for number, fold in enumerate(folds):
        found.append(precision_on(dataset, fold, options))
        trial.report(float(np.mean(found)), number)
        if number + 1 < len(folds) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, float(np.mean(found)))


def precision_on(dataset: Dataset, fold: Fold, options: BoosterOptions) -> float:
    """The average precision on a fold's test of a forest fitted on its training rows."""
    rows, test = fold.train(dataset), fold.test(dataset)
    known = fold.labels_to_learn(dataset)[rows]
    ranker = boosted(dataset.vectors[rows], known, dataset.weights[rows], options)
    return average_precision(
        ranker(dataset.vectors[test]), dataset.labels()[test], dataset.weights[test]
    )


def _options(trial: Any, start: BoosterOptions) -> BoosterOptions:
    """The options of a trial: suggested while it runs, read when it is over."""
    if isinstance(trial, optuna.trial.FrozenTrial):
        return replace(start, **trial.params)
    given = _as_parameters(start)
    drawn: dict[str, Any] = {}
    for name, (least, most) in RANGES.items():
        low, high = min(least, given[name]), max(most, given[name])
        if isinstance(given[name], int):
            drawn[name] = trial.suggest_int(name, int(low), int(high), log=True)
        else:
            drawn[name] = trial.suggest_float(name, low, high, log=True)
    return replace(start, **drawn)


def _as_parameters(options: BoosterOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in RANGES}


def _name(dataset: Dataset, folds: Sequence[Fold], start: BoosterOptions) -> str:
    """What makes two searches one: data, folds, and what is not searched."""
    fixed = {"start": repr(start), "data": dataset.hash, "folds": folds_as_json(folds)}
    return hashlib.sha256(canonical_json(fixed)).hexdigest()

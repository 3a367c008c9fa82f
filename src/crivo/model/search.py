"""Search of hyper-parameters: a budget of tries, judged by folds, pruned, and taken up again.

Optuna proposes (Akiba et al., 2019; its tree-structured Parzen estimator) and stops a try early
that is worse, after as many folds, than the median of the others. The tries are kept in a file, so
that a search that was interrupted goes on, and ends where it would have ended. Each line of the
file bears its hash: of a try that was changed afterwards nobody chooses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from crivo.domain.errors import Code, Misconfigured
from crivo.model.booster import BoosterOptions, boosted
from crivo.model.dataset import Dataset
from crivo.model.evaluate import average_precision
from crivo.model.files import canonical_json, held_alone, sha256_of
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
#: Where a line of the file holds its hash.
_HASH: Final = "sha256"
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
    a seed of its own, and a file that a greater budget has filled gives what it would have given
    empty. Another data set, other folds or another start is another study.

    Raises:
        Misconfigured: ARTIFACT_INVALID where the file is not what was written.

    Args:
        dataset: What is learnt from.
        folds: None of them may be one that is reported.
        start: What is tried first; what is not searched (seed, threads) stays as it is here.
        budget: Tries in all, those of earlier calls with the same file included; the first so many.
        file: Where the tries are kept.
        progress: Told after each try; where tries were kept, first of these.
    """
    assert budget > 0
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Two searches at once would take each other's tries for their own.
    with held_alone(file):
        study = optuna.create_study(
            study_name=_name(dataset, folds, start),
            storage=_storage(file),
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED),
            load_if_exists=True,
        )
        for left in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(left.number, state=TrialState.FAIL)
        finished = _finished(study, budget)
        if finished:
            progress(len(finished), budget, _best(finished).value or 0.0)
        while (done := len(finished)) < budget:
            study.sampler = optuna.samplers.TPESampler(seed=start.seed * 100_003 + done)
            if done == 0 and not study.get_trials(states=(TrialState.WAITING,)):
                study.enqueue_trial(_as_parameters(start))
            _try(study, dataset, folds, start)
            finished = _finished(study, budget)
            progress(len(finished), budget, _best(finished).value or 0.0)
    best = _best(finished)
    assert best.value is not None
    return Found(
        options=_options(best, start),
        average_precision=best.value,
        tried=len(finished),
        pruned=sum(trial.state is TrialState.PRUNED for trial in finished),
    )


def _finished(study: optuna.Study, budget: int) -> list[FrozenTrial]:
    """The first tries that came to an end: what a greater budget tried after them counts for none.

    Each is drawn from those before it, so that they are what this budget would have tried.
    """
    return study.get_trials(states=_FINISHED)[:budget]


def _best(finished: Sequence[FrozenTrial]) -> FrozenTrial:
    """The first of the greatest; the first try of all is never stopped early."""
    complete = [trial for trial in finished if trial.state is TrialState.COMPLETE]
    return max(complete, key=lambda trial: trial.value or 0.0)


class _Hashed(JournalFileBackend):
    """A journal whose every line bears the hash of what it says."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        super().append_logs([{**log, _HASH: _hash_of(log)} for log in logs])


def _storage(file: Path) -> JournalStorage:
    """The tries that the file holds; a last line that a killed process began is none.

    Raises:
        Misconfigured: ARTIFACT_INVALID where the file is not what was written.
    """
    try:
        if file.exists():
            whole = file.read_bytes()
            with file.open("r+b") as opened:
                opened.truncate(whole.rfind(b"\n") + 1)
            _check_lines(whole.split(b"\n")[:-1])
        return JournalStorage(_Hashed(str(file)))
    except ValueError as error:
        raise Misconfigured(
            Code.ARTIFACT_INVALID,
            f"the tries kept in {file} are not what was written",
            hint="Delete the file, or restore it from a copy: without it the search begins anew.",
            file=str(file),
            expected="lines that bear their hash",
            found=str(error),
        ) from None


def _check_lines(lines: Sequence[bytes]) -> None:
    """Nothing, where each line bears its own hash; else a ValueError."""
    for number, line in enumerate(lines, start=1):
        log = json.loads(line)
        if not isinstance(log, dict) or log.pop(_HASH, None) != _hash_of(log):
            raise ValueError(f"line {number} with another hash")


def _hash_of(log: dict[str, Any]) -> str:
    """Of what a line says, as it is read again."""
    return sha256_of(canonical_json(json.loads(json.dumps(log))))


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
    if isinstance(trial, FrozenTrial):
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

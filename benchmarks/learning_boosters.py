"""Which booster: average precision, training time and speed side by side, on earlier weeks alone.

Four weeks of the Handbook whose labels were known before the first reported test week began, seven
days of training each, the same rows for all, and the same settings as far as each has them. What is
chosen by them has seen nothing of the reported weeks. XGBoost and CatBoost come with `make peers`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.folds import Over
from benchmarks.learn.handbook import FILE, PROTOCOL, handbook_dataset
from benchmarks.learning_handbook import SHORT
from benchmarks.load.peers import PYTHON, ROOT, said
from crivo.bootstrap.service import serving_plan
from crivo.model.baselines import Ranker
from crivo.model.booster import BoosterOptions, fit_booster
from crivo.model.dataset import Dataset
from crivo.model.evaluate import average_precision
from crivo.model.prequential import Fold, earlier, prequential_folds

Float64s = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: Makes of vectors, labels and weights what ranks rows: the library, predicting on one thread.
Fit = Callable[[Float64s, Bools, Float64s], Ranker]

#: The most bins that scikit-learn has.
BINS: Final = 255
SCORED_ROWS: Final = 50_000
#: What `make peers` installs: each by its name in `benchmarks.peers.boosters`, and its package.
INSTALLED: Final = {"XGBoost": "xgboost-cpu", "CatBoost": "catboost"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What one booster did with one fold: seconds of training, rows a second, margins of rows."""

    train_seconds: float
    rows_per_second: float
    margins: Float64s


#: What a booster does with vectors, labels and weights to learn from, and rows that are asked.
Contender = Callable[[Float64s, Bools, Float64s, Float64s], Trial]


@dataclass(slots=True)
class Found:
    """A booster's figures, one a fold."""

    precision: list[float] = field(default_factory=list)
    train_seconds: list[float] = field(default_factory=list)
    rows_per_second: list[float] = field(default_factory=list)


def run(setting: Setting) -> Iterator[Row]:
    """The rows of every booster, and by how much the first is better than each other."""
    if lacks := absent(setting, __doc__, [FILE]):
        yield lacks
        return
    protocol = earlier(PROTOCOL)
    if setting.quick:
        protocol = replace(protocol, folds=2)
    data = data_folder()
    dataset = handbook_dataset(data, serving_plan(), until=protocol.end)
    contenders = boosters(replace(SHORT, threads=os.cpu_count() or 1))
    found = side_by_side(dataset, prequential_folds(dataset, protocol), contenders)
    for name, figures in found.items():
        what = f"Handbook, earlier weeks, {name}"
        precision = Over(tuple(figures.precision))
        count = f"mean of {len(figures.precision)}"
        yield setting.row(f"{what}, AP", count, [precision.mean])
        yield setting.row(f"{what}, AP, standard error", "", [precision.error])
        yield setting.row(f"{what}, training", "s a fold", figures.train_seconds)
        yield setting.row(f"{what}, its own scoring, one thread", "rows/s", figures.rows_per_second)
    first, *others = found
    for other in others:
        pairs = zip(found[first].precision, found[other].precision, strict=True)
        gain = Over(tuple(one - two for one, two in pairs))
        what = f"Handbook, earlier weeks, AP of {first} less that of {other}"
        yield setting.row(what, f"mean of {len(gain.values)}", [gain.mean])
        yield setting.row(f"{what}, standard error", "", [gain.error])
    if not PYTHON.exists():
        for name in INSTALLED:
            yield setting.not_run(f"Handbook, earlier weeks, {name}, AP", "", "make peers")


def boosters(options: BoosterOptions) -> dict[str, Contender]:
    """Each by its name, grown as these options say; a peer that is not installed is left out.

    Raises:
        RuntimeError: A peer is installed and fails.
    """
    coarse = replace(options, bins_max=BINS)
    own: dict[str, Fit] = {
        f"LightGBM {lightgbm.__version__}": lambda *given: _lightgbm(options, *given),
        f"LightGBM {lightgbm.__version__} with {BINS} bins": lambda *given: _lightgbm(
            coarse, *given
        ),
        f"HistGradientBoosting of scikit-learn {sklearn.__version__}": lambda *given: _histogram(
            options, *given
        ),
    }
    found: dict[str, Contender] = {name: _here(fit) for name, fit in own.items()}
    if PYTHON.exists():
        for name, package in INSTALLED.items():
            found[f"{name} {_version(package)}"] = _peer(name, options)
    return found


def side_by_side(
    dataset: Dataset, folds: Sequence[Fold], contenders: Mapping[str, Contender]
) -> dict[str, Found]:
    """Every contender on every fold; in turns, so that the machine's moods are shared."""
    found = {name: Found() for name in contenders}
    for fold in folds:
        rows, test = fold.train(dataset), fold.test(dataset)
        known = fold.labels_to_learn(dataset)[rows]
        given = dataset.vectors[rows], known, dataset.weights[rows]
        asked = np.ascontiguousarray(dataset.vectors[test])
        labels, weights = dataset.labels()[test], dataset.weights[test]
        for name, contender in contenders.items():
            trial, figures = contender(*given, asked), found[name]
            figures.train_seconds.append(trial.train_seconds)
            figures.rows_per_second.append(trial.rows_per_second)
            figures.precision.append(average_precision(trial.margins, labels, weights))
    return found


def _here(fit: Fit) -> Contender:
    """A booster of this environment."""

    def contender(vectors: Float64s, labels: Bools, weights: Float64s, asked: Float64s) -> Trial:
        begun = time.perf_counter()
        ranker = fit(vectors, labels, weights)
        train_seconds = time.perf_counter() - begun
        some = asked[:SCORED_ROWS]
        begun = time.perf_counter()
        ranker(some)
        return Trial(train_seconds, len(some) / (time.perf_counter() - begun), ranker(asked))

    return contender


def _version(package: str) -> str:
    """Which release of a package the peers' environment has."""
    program = (
        "import importlib.metadata as m, json, sys; print(json.dumps([m.version(sys.argv[1])]))"
    )
    (version,) = _of_peers(["-c", program, package])
    return str(version)


def _of_peers(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> Any:
    """What a program of the peers' environment says."""
    answer = said(arguments, environ=environ or {})
    if isinstance(answer, str):
        raise RuntimeError(f"{' '.join(arguments)}: {answer}")
    return answer


def _peer(name: str, options: BoosterOptions) -> Contender:
    """A booster of the peers' environment, in a process of its own."""
    asked_of = {**asdict(options), "resampling": options.resampling.value}
    threads = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(options.threads)}

    def contender(vectors: Float64s, labels: Bools, weights: Float64s, asked: Float64s) -> Trial:
        with tempfile.TemporaryDirectory(prefix="crivo-benchmark-") as place:
            folder = Path(place)
            arrays = {"vectors": vectors, "labels": labels, "weights": weights, "asked": asked}
            for what, array in arrays.items():
                np.save(folder / f"{what}.npy", array)
            content = json.dumps({**asked_of, "scored_rows": SCORED_ROWS})
            (folder / "options.json").write_text(content, encoding="utf-8")
            answer = _of_peers(["-m", "benchmarks.peers.boosters", name, place], threads)
            margins = np.load(folder / "margins.npy")
        return Trial(answer["train_seconds"], answer["rows_per_second"], margins)

    return contender


def _lightgbm(options: BoosterOptions, *given: Any) -> Ranker:
    booster, _ = fit_booster(*given, options)

    def margins(asked: Float64s) -> Float64s:
        return np.asarray(booster.predict(asked, raw_score=True, num_threads=1), np.float64)

    return margins


def _histogram(
    options: BoosterOptions, vectors: Float64s, labels: NDArray[np.bool_], weights: Float64s
) -> Ranker:
    model = HistGradientBoostingClassifier(
        max_iter=options.trees,
        learning_rate=options.learning_rate,
        max_leaf_nodes=options.leaves,
        min_samples_leaf=options.rows_leaf_min,
        l2_regularization=options.penalty,
        max_features=options.feature_share,
        max_bins=BINS,
        early_stopping=False,
        random_state=options.seed,
    )
    # It cannot bin a column that holds nothing, and the catalogue has some that cards do not feed.
    filled = np.flatnonzero(~np.isnan(vectors).all(axis=0))
    with threadpool_limits(options.threads, user_api="openmp"):
        model.fit(vectors[:, filled], labels, sample_weight=weights)

    def margins(asked: Float64s) -> Float64s:
        with threadpool_limits(1, user_api="openmp"):
            found: Float64s = model.decision_function(asked[:, filled])
        return found

    return margins

"""The challenger: a Keras network, fitted on the champion's training rows and judged by its test.

Keras is an extra (`make extra NAME=keras`); its backend is JAX on the processor. Nothing of Keras
is kept: the weights become arrays (network.py), which numpy scores.
"""

from __future__ import annotations

import math
import os
import tempfile
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crivo.domain.errors import Code, Misconfigured
from crivo.model.artifact import SCORE_ONE
from crivo.model.calibrate import fit_platt
from crivo.model.dataset import Dataset
from crivo.model.evaluate import Metric
from crivo.model.judged import as_table, judged_rows
from crivo.model.network import Layers, Network
from crivo.model.split import Split

NETWORK: Final = "network"

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]


class Challenger(StrEnum):
    """What is trained beside the forest."""

    NONE = "none"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How the network is fitted: units of the hidden layers, passes, rows a step, Adam's rate.

    Few rows are passed over more often, until so many steps were made as `steps_min` says. Of more
    than `others_max` rows that are no fraud so many are drawn, with weights that keep the prior.
    """

    units: tuple[int, ...] = (64, 32)
    epochs: int = 12
    batch_rows: int = 512
    steps_min: int = 2_000
    learning_rate: float = 1e-3
    penalty: float = 1e-5
    others_max: int = 150_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Challenged:
    """The network, and its metrics on the rows that judged the champion."""

    network: Network
    metrics: tuple[Metric, ...]


def challenge(
    dataset: Dataset,
    split: Split,
    options: NetworkOptions,
    *,
    judged: str,
    reviews_per_day: int,
    resamples: int,
) -> Challenged:
    """A network fitted on the rows of the last of the champion's first fits, judged as others.

    One fit, calibrated (Platt): the last fold of the calibration rows says what its log-odds mean
    and teaches it nothing. Equal data and options give equal bytes on one machine and release of
    its libraries, not on every one.

    Args:
        dataset: What is learnt from.
        split: The champion's.
        options: How it is fitted.
        judged: The hash of the rows that judge the champion, and it.
        reviews_per_day: As the champion's metrics.
        resamples: As the champion's metrics.

    Raises:
        Misconfigured: SETTING_INVALID where Keras is not installed.
        Unfit: GATE_FAILED where its log-odds cannot be calibrated.
    """
    start, rows, fold = split.folds(dataset)[-1]
    labels = dataset.labels(start)[rows]
    layers, versions = fit_layers(dataset.vectors[rows], labels, dataset.weights[rows], options)
    held = judged_rows(dataset, fold, known_by=split.test_start)
    slope, intercept = fit_platt(layers.log_odds(held.vectors), held.labels, held.weights)
    parts: dict[str, Any] = {
        "input_names": dataset.names,
        "set_hash": dataset.set_hash,
        "plan_hash": dataset.plan_hash,
        "layers": layers,
        "slope": slope,
        "intercept": intercept,
    }
    test = judged_rows(dataset, split.test(dataset))
    scores = Network(**parts, metadata={}).scores(test.vectors)
    metrics = test.figures(
        scores,
        chances=scores / SCORE_ONE,
        reviews_per_day=reviews_per_day,
        resamples=resamples,
        seed=options.seed,
    )
    metadata = {
        "learner": NETWORK,
        "data": {"hash": dataset.hash, "rows": len(dataset), "log_cut": dataset.cut},
        "split": split.as_json(),
        "options": {**asdict(options), "units": list(options.units)},
        "metrics": {NETWORK: as_table(metrics)},
        "judged": judged,
        "versions": versions,
    }
    return Challenged(Network(**parts, metadata=metadata), metrics)


def fit_layers(
    vectors: Float64s, labels: Bools, weights: Float64s, options: NetworkOptions
) -> tuple[Layers, dict[str, str]]:
    """Layers fitted on `vectors` float64[n, F], and the versions of the libraries that did it.

    Raises:
        Misconfigured: SETTING_INVALID where Keras is not installed.
    """
    keras = _keras()
    vectors, labels, weights = _drawn(vectors, labels, weights, options)
    center, scale = _spread(vectors)
    inputs = Layers(center, scale, (), ()).inputs(vectors).astype(np.float32)
    keras.utils.set_random_seed(options.seed)
    l2 = keras.regularizers.L2(options.penalty)
    model = keras.Sequential(
        [
            keras.Input((inputs.shape[1],)),
            *(
                keras.layers.Dense(units, activation="relu", kernel_regularizer=l2)
                for units in options.units
            ),
            keras.layers.Dense(1),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(options.learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    steps = math.ceil(len(inputs) / options.batch_rows)
    model.fit(
        inputs,
        labels.astype(np.float32),
        sample_weight=(weights / weights.mean()).astype(np.float32),
        batch_size=options.batch_rows,
        epochs=max(options.epochs, math.ceil(options.steps_min / steps)),
        verbose=0,
    )
    arrays = [np.asarray(array, np.float64) for array in model.get_weights()]
    layers = Layers(center, scale, tuple(arrays[::2]), tuple(arrays[1::2]))
    versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
    return layers, {**versions, "numpy": np.__version__}


def _drawn(
    vectors: Float64s, labels: Bools, weights: Float64s, options: NetworkOptions
) -> tuple[Float64s, Bools, Float64s]:
    """All frauds and at most so many others, which then count for those that are left out."""
    others = np.flatnonzero(~labels)
    if len(others) <= options.others_max:
        return vectors, labels, weights
    drawn = np.random.default_rng(options.seed).choice(others, options.others_max, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(labels), drawn]))
    raised = np.where(labels[kept], 1.0, len(others) / options.others_max)
    return vectors[kept], labels[kept], weights[kept] * raised


def _spread(vectors: Float64s) -> tuple[Float64s, Float64s]:
    """Center and scale of each input's signed logarithm, over the rows where it is no null."""
    width = vectors.shape[1]
    center, scale = np.zeros(width), np.ones(width)
    for column in range(width):
        known = vectors[~np.isnan(vectors[:, column]), column]
        if len(known):
            values = np.sign(known) * np.log1p(np.abs(known))
            center[column] = values.mean()
            scale[column] = values.std() or 1.0
    return center, scale


def check_installed() -> None:
    """Nothing, where a network can be trained: asked before anything else is.

    Raises:
        Misconfigured: SETTING_INVALID.
    """
    missing = [name for name in ("keras", "jax") if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "a network is trained with Keras, which is not installed here",
            hint="`make extra NAME=keras`, then .tools/keras/bin/crivo with the same words.",
            field="--challenger",
            expected="the packages keras and jax",
            found=f"no {missing[0]}",
        )


def _keras() -> Any:
    """Keras on JAX; its configuration file goes where nobody keeps one."""
    check_installed()
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ["JAX_PLATFORMS"] = "cpu"
    with tempfile.TemporaryDirectory(prefix="crivo-keras-") as folder:
        os.environ.setdefault("KERAS_HOME", folder)
        import keras
    return keras

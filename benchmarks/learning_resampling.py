"""What resampling did: none, weights, under-sampling, SMOTE, inside training rows alone.

The probabilities are those of the forest itself with the prior put back, without a calibration: so
what resampling does to them is seen. Intervals are of the bootstrap over the test rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Row, Setting
from benchmarks.learn.data import absent, data_folder
from benchmarks.learn.handbook import FILE as HANDBOOK_FILE
from benchmarks.learn.handbook import PROTOCOL, handbook_dataset
from benchmarks.learn.ulb import FILE as ULB_FILE
from benchmarks.learn.ulb import ulb_dataset
from benchmarks.learning_handbook import SHORT
from crivo.bootstrap.service import serving_plan
from crivo.flows.train import ROWS_SPLIT
from crivo.model.booster import BoosterOptions, boosted
from crivo.model.dataset import Dataset
from crivo.model.evaluate import evaluate
from crivo.model.prequential import earlier, prequential_folds
from crivo.model.resample import Resampling
from crivo.model.split import split_by_time

_SHOWN: Final = ("average_precision", "brier", "calibration_error")

Bools = npt.NDArray[np.bool_]


def run(setting: Setting) -> Iterator[Row]:
    """The table of both data sets; the Handbook's week is one that nothing else is reported of."""
    if lacks := absent(
        setting, __doc__, [ULB_FILE] if setting.quick else [ULB_FILE, HANDBOOK_FILE]
    ):
        yield lacks
        return
    data = data_folder()
    ulb = ulb_dataset(data)
    split = split_by_time(ulb, ROWS_SPLIT)
    start, learnt, _ = split.folds(ulb)[-1]
    given = learnt, ulb.labels(start), split.test(ulb)
    yield from table(setting, "ULB, last fifth", ulb, *given, BoosterOptions())
    if setting.quick:
        return
    options = replace(earlier(PROTOCOL), folds=1)
    handbook = handbook_dataset(data, serving_plan(), until=options.end)
    (fold,) = prequential_folds(handbook, options)
    parts = fold.train(handbook), fold.labels_to_learn(handbook), fold.test(handbook)
    yield from table(setting, "Handbook, week of 25 July", handbook, *parts, SHORT)


def table(
    setting: Setting,
    what: str,
    dataset: Dataset,
    rows: Bools,
    known: Bools,
    test: Bools,
    options: BoosterOptions,
) -> Iterator[Row]:
    """The figures of each way; the peer is the figure without resampling."""
    peers: dict[str, float] = {}
    for way in Resampling:
        ranker = boosted(
            dataset.vectors[rows],
            known[rows],
            dataset.weights[rows],
            replace(options, resampling=way),
        )
        chances = 1 / (1 + np.exp(-ranker(dataset.vectors[test])))
        metrics = evaluate(
            chances, dataset.labels()[test], dataset.weights[test], chances=chances, resamples=200
        )
        for metric in metrics:
            if metric.name in _SHOWN:
                name = f"{what}, {way.value}, {metric.name}"
                peer = peers.get(metric.name)
                yield setting.row(f"{name} (peer: none)", "", [metric.value], peer=peer)
                yield setting.row(f"{name}, 2.5 %", "", [metric.low])
                yield setting.row(f"{name}, 97.5 %", "", [metric.high])
                peers.setdefault(metric.name, metric.value)

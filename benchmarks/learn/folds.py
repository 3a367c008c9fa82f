"""Contenders over prequential folds, each judged by the same rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crivo.domain.instant import DAY
from crivo.model.baselines import Learner
from crivo.model.capacity import daily_payer_precision
from crivo.model.dataset import Dataset
from crivo.model.evaluate import evaluate
from crivo.model.prequential import Fold


@dataclass(frozen=True, slots=True)
class Over:
    """A figure over the folds: one value each."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the folds."""
        return statistics.fmean(self.values)

    @property
    def error(self) -> float:
        """The standard error of the mean; folds share training rows, so it is a lower bound."""
        return statistics.stdev(self.values) / math.sqrt(len(self.values))


def over_folds(
    dataset: Dataset, folds: Sequence[Fold], learners: Mapping[str, Learner], *, capacity: int
) -> dict[str, dict[str, Over]]:
    """By contender: `average_precision`, `payer_precision` at the daily capacity, and `auc`."""
    labels = dataset.labels()
    found: dict[str, dict[str, list[float]]] = {}
    for fold in folds:
        rows, test = fold.train(dataset), fold.test(dataset)
        known = fold.labels_to_learn(dataset)[rows]
        for name, learner in learners.items():
            ranker = learner(dataset.vectors[rows], known, dataset.weights[rows])
            ranking = ranker(dataset.vectors[test])
            metrics = evaluate(ranking, labels[test], dataset.weights[test], resamples=0)
            values = {metric.name: metric.value for metric in metrics}
            values["payer_precision"] = daily_payer_precision(
                ranking,
                labels[test],
                dataset.payers[test],
                np.asarray(dataset.occurred_at[test] // DAY),
                capacity=capacity,
            )
            kept = found.setdefault(name, {})
            for metric_name in ("average_precision", "payer_precision", "auc"):
                kept.setdefault(metric_name, []).append(values[metric_name])
    return {
        name: {metric: Over(tuple(values)) for metric, values in metrics.items()}
        for name, metrics in found.items()
    }

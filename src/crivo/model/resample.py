"""Resampling of training rows, and what it does to a margin. Never of rows that are judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling import SMOTE
from sklearn.impute import SimpleImputer

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

#: What the share of positives is brought to by each of the ways: by weight, or of the rows drawn.
POSITIVE_SHARE: Final = 0.1
_NEIGHBOURS: Final = 5


class Resampling(StrEnum):
    """What is done to the rows that a model is fitted on.

    `WEIGHTS`: positives weigh more. `UNDER`: so many negatives are drawn, and keep the weights that
    they have. To let them weigh what all did would leave the prior as it was, and a forest sure of
    fraud wherever none was drawn: where one stands for sixty, that is nearly everywhere between
    frauds. `SMOTE`: positives are made up between neighbours (Chawla et al., 2002); a null becomes
    the median first, since there is nothing between a number and none.
    """

    NONE = "none"
    WEIGHTS = "weights"
    UNDER = "under"
    SMOTE = "smote"


@dataclass(frozen=True, slots=True)
class Resampled:
    """Rows to fit on, and what must be added to a margin to be back at the prior of the rows given.

    `offset` is the log-odds of the prior before less those after (Elkan, 2001, theorem 2; Dal
    Pozzolo et al., 2015): a ranking does not feel it, a probability does.
    """

    vectors: Float64s
    labels: Bools
    weights: Float64s
    offset: float


def resample(
    way: Resampling, vectors: Float64s, labels: Bools, weights: Float64s, *, seed: int
) -> Resampled:
    """The training rows as `way` changes them; they are as given where that is rare enough."""
    before = _log_odds(labels, weights)
    target = math.log(POSITIVE_SHARE / (1 - POSITIVE_SHARE))
    if way is Resampling.NONE or before >= target:
        return Resampled(vectors, labels, weights, 0.0)
    match way:
        case Resampling.WEIGHTS:
            raised = np.where(labels, weights * math.exp(target - before), weights)
            made = vectors, labels, raised
        case Resampling.UNDER:
            generator = np.random.default_rng(seed)
            kept = labels | (generator.random(len(labels)) < math.exp(before - target))
            made = vectors[kept], labels[kept], weights[kept]
        case Resampling.SMOTE:
            made = _smote(vectors, labels, weights, target, seed)
    return Resampled(*made, before - _log_odds(made[1], made[2]))


def _smote(
    vectors: Float64s, labels: Bools, weights: Float64s, target: float, seed: int
) -> tuple[Float64s, Bools, Float64s]:
    filled = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(vectors)
    positives = int(labels.sum())
    wanted = max(round(math.exp(target) * (len(labels) - positives)), positives)
    # Fewer positives than neighbours leave as many neighbours as there are others.
    neighbours = max(min(_NEIGHBOURS, positives - 1), 1)
    maker = SMOTE(sampling_strategy={True: wanted}, k_neighbors=neighbours, random_state=seed)
    made, said = maker.fit_resample(filled, labels)
    # What is made up stands for as much as the positives it was made of.
    extra = np.full(len(said) - len(labels), weights[labels].mean())
    return made, said.astype(np.bool_), np.concatenate([weights, extra])


def _log_odds(labels: Bools, weights: Float64s) -> float:
    return math.log(weights[labels].sum() / weights[~labels].sum())

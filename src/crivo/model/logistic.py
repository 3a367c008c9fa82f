"""A logistic regression: standardised, nulls with an indicator; and its margin as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from crivo.model.linear import Linear

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

#: Fitting on more rows changes nothing that anybody reads.
LOGISTIC_ROWS_MAX: Final = 300_000


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted regression of the inputs that vary (int[V]), and the rows it was fitted on."""

    model: Pipeline
    varying: npt.NDArray[np.intp]
    vectors: Float64s
    weights: Float64s

    def margins(self, asked: Float64s) -> Float64s:
        """Log-odds float64[n] of vectors float64[n, F]."""
        found: Float64s = self.model.decision_function(asked[:, self.varying])
        return found

    def chances(self, asked: Float64s) -> Float64s:
        """Probabilities float64[n]."""
        found: Float64s = self.model.predict_proba(asked[:, self.varying])[:, 1]
        return found


def fit_logistic(vectors: Float64s, labels: Bools, weights: Float64s, *, seed: int = 0) -> Logistic:
    """A regression of vectors float64[n, F]; of very many rows a sample is fitted on."""
    if len(vectors) > LOGISTIC_ROWS_MAX:
        generator = np.random.default_rng(seed)
        some = np.sort(generator.choice(len(vectors), LOGISTIC_ROWS_MAX, replace=False))
        vectors, labels, weights = vectors[some], labels[some], weights[some]
    # In place, and one after the other: a pipeline keeps what each step was given until the last
    # is done. The regression asks for rows that lie together, and would make them beside the table.
    imputer = SimpleImputer(
        strategy="mean", add_indicator=True, keep_empty_features=True, copy=False
    )
    scaler = StandardScaler(copy=False)
    regression = LogisticRegression(solver="newton-cholesky", max_iter=1_000, C=1.0)
    # What never varies says nothing, and a catalogue has many columns that a table does not feed.
    varying = np.flatnonzero((vectors != vectors[:1]).any(axis=0) & ~np.isnan(vectors).all(axis=0))
    if not len(varying):
        varying = np.array([0])
    table = imputer.fit_transform(vectors[:, varying])
    table = np.ascontiguousarray(scaler.fit_transform(table))
    regression.fit(table, labels, sample_weight=weights)
    return Logistic(make_pipeline(imputer, scaler, regression), varying, vectors, weights)


def linear_of(fitted: Logistic) -> Linear:
    """The regression's margin as arrays of all inputs; what does not vary adds nothing."""
    imputer, scaler, regression = (step for _, step in fitted.model.steps)
    varying, count = fitted.varying, len(fitted.varying)
    weights, centres, scales = regression.coef_[0], scaler.mean_, scaler.scale_
    width = fitted.vectors.shape[1]
    centre, null, weight = np.zeros((3, width))
    scale = np.ones(width)
    centre[varying], scale[varying] = centres[:count], scales[:count]
    weight[varying] = weights[:count]
    null[varying] = weights[:count] * (
        (np.nan_to_num(imputer.statistics_) - centres[:count]) / scales[:count]
    )
    start = float(regression.intercept_[0])
    # An indicator is 0 for a value and 1 for a null: its 0 is part of the start.
    for place, column in enumerate(imputer.indicator_.features_, start=count):
        start += float(weights[place] * ((0.0 - centres[place]) / scales[place]))
        null[varying[column]] += weights[place] / scales[place]
    made = Linear(centre, scale, weight, null, np.zeros(width), np.array([start]))
    usual = np.average(made.parts(fitted.vectors), axis=0, weights=fitted.weights)
    return Linear(centre, scale, weight, null, usual, np.array([start]))

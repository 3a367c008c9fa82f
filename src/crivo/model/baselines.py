"""What every model must be better than: a logistic regression, and the best single feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crivo.model.evaluate import average_precision

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

#: Ranks vectors float64[n, F] by risk: float64[n], greater is riskier.
Ranker = Callable[[Float64s], Float64s]
#: Makes a ranker of vectors float64[n, F], labels bool[n] and weights float64[n].
Learner = Callable[[Float64s, Bools, Float64s], Ranker]

#: Fitting the baseline on more rows changes nothing that anybody reads.
LOGISTIC_ROWS_MAX: Final = 300_000


def logistic(vectors: Float64s, labels: Bools, weights: Float64s, *, seed: int = 0) -> Ranker:
    """Probabilities by a logistic regression: standardised, nulls with an indicator."""
    if len(vectors) > LOGISTIC_ROWS_MAX:
        generator = np.random.default_rng(seed)
        some = np.sort(generator.choice(len(vectors), LOGISTIC_ROWS_MAX, replace=False))
        vectors, labels, weights = vectors[some], labels[some], weights[some]
    model = make_pipeline(
        SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(solver="newton-cholesky", max_iter=1_000, C=1.0),
    )
    # What never varies says nothing, and a catalogue has many columns that a table does not feed.
    varying = np.flatnonzero((vectors != vectors[:1]).any(axis=0) & ~np.isnan(vectors).all(axis=0))
    if not len(varying):
        varying = np.array([0])
    model.fit(vectors[:, varying], labels, logisticregression__sample_weight=weights)

    def chances(asked: Float64s) -> Float64s:
        found: Float64s = model.predict_proba(asked[:, varying])[:, 1]
        return found

    return chances


def best_feature(vectors: Float64s, labels: Bools, weights: Float64s) -> tuple[int, Ranker]:
    """The feature that ranks these rows best alone (its index), up or down, and its ranking."""
    best, best_sign, best_precision = 0, 1.0, -1.0
    for index in range(vectors.shape[1]):
        column = vectors[:, index]
        for sign in (1.0, -1.0):
            precision = average_precision(_nulls_last(sign * column), labels, weights)
            if precision > best_precision:
                best, best_sign, best_precision = index, sign, precision
    return best, lambda asked: _nulls_last(best_sign * asked[:, best])


def _nulls_last(values: Float64s) -> Float64s:
    return np.nan_to_num(values, nan=-np.inf)

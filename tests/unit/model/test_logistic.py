"""A regression of very many rows is fitted on rows of all times."""

from __future__ import annotations

import numpy as np

from crivo.model import logistic as module
from crivo.model.logistic import fit_logistic


def test_the_rows_that_are_drawn_are_of_all_times(monkeypatch):
    monkeypatch.setattr(module, "LOGISTIC_ROWS_MAX", 1_000)
    generator = np.random.default_rng(2)
    count = 10_000
    vectors = np.stack([np.arange(count), generator.normal(size=count)], axis=1)
    labels = generator.random(count) < 0.1
    found = fit_logistic(vectors, labels, np.ones(count))
    number = found.vectors[:, 0]
    assert len(number) == 1_000 == len(np.unique(number))
    tenths = np.bincount((number // 1_000).astype(int), minlength=10)
    assert tenths.min() > 60


def test_a_regression_of_fewer_rows_is_fitted_on_them_all(monkeypatch):
    monkeypatch.setattr(module, "LOGISTIC_ROWS_MAX", 1_000)
    vectors = np.random.default_rng(2).normal(size=(1_000, 2))
    found = fit_logistic(vectors, vectors[:, 0] > 1, np.ones(1_000))
    assert found.vectors is vectors

"""A regression of very many rows is fitted on rows of all times."""

from __future__ import annotations

import tracemalloc

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


def tables_at_the_peak() -> float:
    """The memory of a fit, as multiples of its inputs, of which two in five have nulls."""
    generator = np.random.default_rng(5)
    vectors = generator.normal(size=(2_000, 50))
    vectors[:, :20][generator.random((2_000, 20)) < 0.3] = np.nan
    labels, weights = generator.random(2_000) < 0.1, np.ones(2_000)
    fit_logistic(vectors, labels, weights)  # what is imported and kept at the first is no part
    tracemalloc.start()
    try:
        fit_logistic(vectors, labels, weights)
        return tracemalloc.get_traced_memory()[1] / vectors.nbytes
    finally:
        tracemalloc.stop()


def test_a_fit_takes_little_more_than_the_table_and_its_weighted_copy():
    assert tables_at_the_peak() < 3.5


def test_sabotage_a_table_in_the_wrong_order_is_copied_once_more(monkeypatch):
    monkeypatch.setattr(np, "ascontiguousarray", lambda table: table)
    assert tables_at_the_peak() > 3.8

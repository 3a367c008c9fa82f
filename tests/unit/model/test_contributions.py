"""The inputs that a model goes by are told with the mean size of what each adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crivo.model.artifact import MARGIN_BITS
from crivo.model.contributions import ROWS_MAX, TOLD_MAX, mean_contributions
from crivo.model.scorer import Scorer
from tests.unit.model.worlds import labelled, trained


@pytest.fixture(scope="module")
def result():
    return trained(labelled(names=25))


def test_the_means_are_those_of_the_sizes_of_contributions_row_by_row(result):
    artifact, judged = result.artifact, result.judged
    assert len(judged) < ROWS_MAX
    weighed = replace(judged, weights=np.where(judged.labels, 50.0, 1.0))
    scorer = Scorer(artifact)
    total = np.zeros(len(artifact.input_names))
    for vector, weight in zip(judged.vectors, weighed.weights, strict=True):
        parts = scorer.contributions(np.ascontiguousarray(vector))[:-1]
        total += weight * np.abs(parts) / 2.0**MARGIN_BITS
    means = total / weighed.weights.sum()
    told = mean_contributions(artifact, weighed)
    assert len(told) == TOLD_MAX
    # Rows with twice as much in three inputs say so.
    assert {name for name, _ in told[:3]} == {"input_0", "input_1", "input_2"}
    assert [mean for _, mean in told] == sorted((mean for _, mean in told), reverse=True)
    for name, mean in told:
        assert mean == pytest.approx(means[artifact.input_names.index(name)])
    # Sabotage: what the rows stand for changes the means.
    assert told != mean_contributions(artifact, judged)


def test_columns_are_found_by_their_names(result):
    artifact, judged = result.artifact, result.judged
    turned = replace(judged, names=judged.names[::-1], vectors=judged.vectors[:, ::-1])
    assert mean_contributions(artifact, turned) == mean_contributions(artifact, judged)


def test_of_many_rows_some_are_asked_and_always_the_same(result):
    judged = result.judged
    many = judged.of(np.resize(np.arange(len(judged)), 3 * ROWS_MAX))
    told = mean_contributions(result.artifact, many)
    assert told == mean_contributions(result.artifact, many)
    few = dict(mean_contributions(result.artifact, judged))
    assert dict(told)["input_0"] == pytest.approx(few["input_0"], rel=0.1)

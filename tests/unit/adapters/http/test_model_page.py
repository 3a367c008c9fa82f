"""The page of the model shows what a training says of a model, as the training says it."""

from __future__ import annotations

from crivo.adapters.http.pages.model import metric_rows
from tests.unit.model.worlds import SMALL, labelled, trained


def test_the_page_has_a_row_for_each_metric_of_each_model_that_was_judged():
    made = trained(labelled(), SMALL)
    rows = metric_rows(made.artifact.metadata["metrics"])
    assert [(model, name) for model, name, *_ in rows] == [
        (model, metric.name) for model, metrics in made.metrics.items() for metric in metrics
    ]
    assert {model for model, *_ in rows} >= {"lightgbm", "logistic"}
    value = made.artifact.metadata["metrics"]["lightgbm"]["average_precision"][0]
    assert ("lightgbm", "average_precision", f"{value:.4g}") in [row[:3] for row in rows]

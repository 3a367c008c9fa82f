"""The page of the model shows what a training says of a model, as the training says it."""

from __future__ import annotations

from crivo.adapters.http.pages.model import metric_rows
from crivo.adapters.http.pages.terms import TERMS
from crivo.decision.reason_texts import Language
from tests.unit.model.worlds import SMALL, labelled, trained


def test_the_page_has_a_row_for_each_metric_of_each_model_that_was_judged():
    made = trained(labelled(), SMALL)
    rows = metric_rows(made.artifact.metadata["metrics"], Language.EN)
    assert [(model, name) for model, name, *_ in rows] == [
        (model, TERMS["metric"][metric.name][1])
        for model, metrics in made.metrics.items()
        for metric in metrics
    ]
    assert {model for model, *_ in rows} >= {"lightgbm", "logistic"}
    value = made.artifact.metadata["metrics"]["lightgbm"]["average_precision"][0]
    assert ("lightgbm", "average precision", f"{value:.4g}") in [row[:3] for row in rows]


def test_what_a_model_of_another_release_was_judged_by_keeps_its_name_and_gaps_are_dashes():
    found = {"forest": {"area_above": (0.12345, None, None), "brier": (None, 0.5, 0.5)}}
    assert metric_rows(found, Language.PT) == [
        ("forest", "area_above", "0,1235", "—"),
        ("forest", "erro de Brier", "—", "0,5 … 0,5"),
    ]

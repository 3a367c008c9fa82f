"""Every figure of a training stands under its own name."""

from __future__ import annotations

from crivo.cli.train import figures_by_name
from crivo.model.evaluate import Metric


def metrics(**values: float) -> tuple[Metric, ...]:
    return tuple(Metric(name, value, value - 0.1, value + 0.1) for name, value in values.items())


def test_what_a_model_has_no_figure_for_is_a_dash_and_the_next_one_keeps_its_place():
    names, rows = figures_by_name(
        {
            "only x": metrics(average_precision=0.2, auc=0.7),
            "lightgbm": metrics(average_precision=0.5, brier=0.3, auc=0.9),
        }
    )
    assert names == ["average_precision", "brier", "auc"]
    assert rows == [
        ("only x", "0.200 (0.100–0.300)", "–", "0.700 (0.600–0.800)"),
        ("lightgbm", "0.500 (0.400–0.600)", "0.300 (0.200–0.400)", "0.900 (0.800–1.000)"),
    ]

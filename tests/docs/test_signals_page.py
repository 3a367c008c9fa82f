"""The page about signals says what the catalogue of metrics says."""

from __future__ import annotations

from pathlib import Path

from crivo.adapters.telemetry import page
from crivo.adapters.telemetry.catalogue import CATALOGUE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "signals.md"


def test_the_page_is_what_the_catalogue_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page.with_metrics(text) == text, "run .venv/bin/python scripts/signals.py"
    for metric in CATALOGUE:
        assert f"| `{metric.name}` |" in text


def test_sabotage_a_metric_that_the_page_lacks_is_noticed(monkeypatch) -> None:
    monkeypatch.setattr(page, "CATALOGUE", CATALOGUE[1:])
    text = PAGE.read_text(encoding="utf-8")
    assert page.with_metrics(text) != text

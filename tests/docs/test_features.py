"""The page about features says what their cards say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crivo.features import page as made
from crivo.features.catalogue import directory
from crivo.features.registry import default_feature_set

PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"


def test_the_page_is_what_the_cards_say():
    found = PAGE.read_text(encoding="utf-8")
    assert found == made.features_page(), "run .venv/bin/python scripts/features.py"


def test_every_feature_has_its_row():
    page = made.features_page()
    for feature in default_feature_set().features:
        assert page.count(f"| `{feature.name}` | {feature.card.meaning} |") == 1


def test_sabotage_a_changed_card_is_noticed(monkeypatch: pytest.MonkeyPatch):
    first, *rest = directory.FEATURES
    changed = replace(first, card=replace(first.card, null_meaning="Whatever."))
    monkeypatch.setattr(directory, "FEATURES", (changed, *rest))
    assert made.features_page() != PAGE.read_text(encoding="utf-8")

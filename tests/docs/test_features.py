"""The page about features says what the cards of those say that have served, or are about to.

A feature that is only declared asks for no second file: it comes onto the page once it is locked.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crivo.features import page as made
from crivo.features.catalogue import directory
from crivo.features.registry import default_feature_set
from crivo.features.served import read_lock
from crivo.features.spec import Measure, Statistic
from crivo.features.window import hours

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "features.md"


def test_the_page_is_what_the_cards_say():
    found = PAGE.read_text(encoding="utf-8")
    assert found == made.features_page(read_lock()), "run .venv/bin/python scripts/features.py"


def test_every_feature_has_its_row():
    page = made.features_page()
    for feature in default_feature_set().features:
        assert page.count(f"| `{feature.name}` | {feature.card.meaning} |") == 1


def test_sabotage_a_changed_card_is_noticed(monkeypatch: pytest.MonkeyPatch):
    first, *rest = directory.FEATURES
    changed = replace(first, card=replace(first.card, null_meaning="Whatever."))
    monkeypatch.setattr(directory, "FEATURES", (changed, *rest))
    assert made.features_page(read_lock()) != PAGE.read_text(encoding="utf-8")


def test_a_feature_that_is_only_declared_changes_no_page(monkeypatch: pytest.MonkeyPatch):
    first, *_ = directory.FEATURES
    newcomer = replace(
        first, measure=Measure.DICT_STATISTICS, statistic=Statistic.COUNT, window=hours(5)
    )
    assert newcomer.name not in read_lock()
    monkeypatch.setattr(directory, "FEATURES", (*directory.FEATURES, newcomer))
    assert made.features_page(read_lock()) == PAGE.read_text(encoding="utf-8")
    assert newcomer.name in made.features_page()

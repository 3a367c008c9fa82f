"""The page about typologies says what they declare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crivo.simulator import typology_page as made
from crivo.simulator.lookalike import default_look_alikes
from crivo.simulator.typology import default_typologies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "typologies.md"


def test_the_page_is_what_the_declarations_say():
    found = PAGE.read_text(encoding="utf-8")
    assert found == made.typology_page(), "run .venv/bin/python scripts/typologies.py"


def test_every_typology_and_look_alike_has_its_row():
    page = made.typology_page()
    for typology in default_typologies(scenarios={"T18"}):
        assert f"| {typology.code} | {typology.name_pt} |" in page
    for look_alike in default_look_alikes():
        assert f"| {look_alike.name} |" in page


def test_sabotage_a_changed_share_is_noticed(monkeypatch: pytest.MonkeyPatch):
    changed = [replace(one, share_per_mille=999) for one in default_typologies()]
    monkeypatch.setattr(made, "default_typologies", lambda _scenarios: changed)
    assert made.typology_page() != PAGE.read_text(encoding="utf-8")

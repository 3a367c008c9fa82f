"""Writes docs/reference/typologies.md from what typologies and look-alikes declare."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.simulator.typology_page import typology_page

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference" / "typologies.md"

if __name__ == "__main__":
    PAGE.write_text(typology_page(), encoding="utf-8")

"""Writes docs/features.md from the cards of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.features.page import features_page

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "features.md"

if __name__ == "__main__":
    PAGE.write_text(features_page(), encoding="utf-8")

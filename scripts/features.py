"""Writes docs/reference/features.md from the cards of the features in `served.lock`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.features.page import features_page
from crivo.features.served import read_lock

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference" / "features.md"

if __name__ == "__main__":
    PAGE.write_text(features_page(read_lock()), encoding="utf-8")

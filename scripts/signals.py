"""Writes the table of docs/reference/signals.md from the catalogue of metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.adapters.telemetry.page import with_metrics

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "reference" / "signals.md"

if __name__ == "__main__":
    PAGE.write_text(with_metrics(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

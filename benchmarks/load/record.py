"""What was measured before: rows of `docs/reference/figures/`, by benchmark and name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "figures"


def recorded(benchmark: str, what: str, *, folder: Path = FOLDER) -> float:
    """The one figure of a benchmark's record whose row bears exactly these words.

    Raises:
        LookupError: no such row was measured, or there is more than one.
    """
    path = folder / f"{benchmark}.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    found = [row["found"] for row in rows if row["what"] == what and row["found"] is not None]
    if len(found) != 1:
        raise LookupError(f"{len(found)} measured rows of {path.name} are named {what!r}")
    return float(found[0])

"""The table of metrics in the page about signals, written from the catalogue."""

from __future__ import annotations

from typing import Final

from crivo.adapters.telemetry.catalogue import CATALOGUE
from crivo.adapters.telemetry.metric import Metric

BEGIN: Final = "<!-- metrics: written by scripts/signals.py -->\n"
END: Final = "<!-- end of metrics -->\n"

_HEAD: Final = """| metric | kind | unit | labels | what it is |
|---|---|---|---|---|
"""


def with_metrics(page: str) -> str:
    """The page with the table as the catalogue has it between `BEGIN` and `END`.

    Raises:
        ValueError: the page lacks one of them.
    """
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page needs {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + _HEAD + "".join(map(_row, CATALOGUE)) + END + after


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.meaning} |\n"

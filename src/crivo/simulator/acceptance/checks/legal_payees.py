"""Check 14: how much of the value of frauds legal persons receive."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.accepted import LEGAL, VALUE, place
from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    found = percent(tally.accepted.ratio(place(LEGAL), place(VALUE)))
    return (around("legal persons", "% of value", 65.0, 5.0, found),)


CHECK: Final = Check(
    number=14,
    name="Frauds received by legal persons",
    source="Silverguard, Golpes com Pix 2025 (self-selected reports).",
    tolerance="5 points",
    look=_look,
)

"""Check 18: whether rows obey the rule of their date: the contactless cap."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    error = None if tally.contactless == 0 else 0.0
    return (Finding("over the cap", "rows", 0.0, 0.0, 0.0, tally.over_cap, error),)


CHECK: Final = Check(
    number=18,
    name="Contactless cap of the date",
    source="Instruction BCB 746/2026: R$ 500 until 30 September 2026, none after.",
    tolerance="none",
    look=_look,
)

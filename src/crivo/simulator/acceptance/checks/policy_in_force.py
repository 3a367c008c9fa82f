"""Check 18: whether a world obeys the rules that were in force on its dates."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, never
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.tally import Tally

#: Each is looked at on the dates on which it was in force, which its name says.
_POLICIES: Final = (
    Rule.CONTACTLESS_CAP,
    Rule.NEW_DEVICE_CAP,
    Rule.NEW_DEVICE_DAY,
    Rule.BLOCK_HOURS,
    Rule.CLAIM_DAYS,
    Rule.ANALYSIS_DAYS,
)


def _look(tally: Tally) -> tuple[Finding, ...]:
    return tuple(never(tally, rule) for rule in _POLICIES)


CHECK: Final = Check(
    number=18,
    name="Rules of the date",
    source="Instruction BCB 746/2026 (contactless), Resolutions 403/2024 (devices), 147/2021 "
    "(blocks), 103/2021 with Instruction 766/2026 (claims).",
    tolerance="none",
    look=_look,
)

"""Check 17: whether anything is known before it happened."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, never
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    return tuple(
        never(tally, rule)
        for rule in (Rule.CLAIMS_IN_TIME, Rule.INPUTS_IN_TIME, Rule.OUTCOMES_IN_TIME)
    )


CHECK: Final = Check(
    number=17,
    name="No label or later event before its time",
    source="A claim follows its transfer, a verdict its claim, a block's end the block; what a "
    "decision reads is no newer than it, and settlements, reports and refunds are told after it.",
    tolerance="none",
    look=_look,
)

"""Check 17: whether anything is known before it happened."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    error = None if tally.transfers == 0 else 0.0
    return (Finding("known too early", "rows", 0.0, 0.0, 0.0, tally.leaks, error),)


CHECK: Final = Check(
    number=17,
    name="No label before its time",
    source="A claim follows its transfer, a verdict its claim, a block's end the block.",
    tolerance="none",
    look=_look,
)

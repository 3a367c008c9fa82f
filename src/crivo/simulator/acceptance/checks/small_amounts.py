"""Check 8: how many transfers lie below R$ 100."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import TWO_WEEKS, Check, Finding, around
from crivo.simulator.acceptance.grouped import measured, percent
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    variance = None if tally.towns is None else tally.towns.of_small
    found = percent(measured(tally.small.share(1), variance))
    return (around("below R$ 100", "% of count", 61.5, 2.0, found),)


CHECK: Final = Check(
    number=8,
    name="Below R$ 100",
    source="The regulator's report on Pix 2020 to 2022: 61 %; 62 % of the fitted mixture.",
    tolerance="2 points",
    look=_look,
    days_min=TWO_WEEKS,
)

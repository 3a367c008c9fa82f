"""Check 7: transfers inside one institution, which ask the DICT nothing."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, around, never
from crivo.simulator.acceptance.grouped import less_sure, measured, percent
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    towns = tally.towns
    of_count, of_value = (None, None) if towns is None else (towns.of_on_us, towns.of_on_us_value)
    count = percent(measured(tally.on_us.share(1), of_count))
    # Sixteen towns may lack a payment as large as the world's own.
    independent = tally.on_us.value_share(1)
    value = percent(less_sure(measured(independent, of_value), independent))
    return (
        around("count", "% of count", 9.0, 1.0, count),
        around("value", "% of value", 15.0, 1.0, value),
        never(tally, Rule.INSIDE_UNASKED),
    )


CHECK: Final = Check(
    number=7,
    name="Inside one institution",
    source="Open data of the regulator: transfers outside the settlement system, 2026.",
    tolerance="1 point each; none is looked up",
    look=_look,
)

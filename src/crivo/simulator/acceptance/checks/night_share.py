"""Check 2: how much of count and value falls between 20:00 and 06:00."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.tally import Tally

_NIGHT: Final = (20, 21, 22, 23, 0, 1, 2, 3, 4, 5)


def _look(tally: Tally) -> tuple[Finding, ...]:
    count, value = tally.hours.share(*_NIGHT), tally.hours.value_share(*_NIGHT)
    return (
        around("count", "% of count", 23.7, 1.0, percent(count)),
        around("value", "% of value", 8.5, 1.0, percent(value)),
    )


CHECK: Final = Check(
    number=2,
    name="20:00 to 06:00",
    source="Derived from the intraday curves of count and value, August and September 2026.",
    tolerance="1 point each",
    look=_look,
)

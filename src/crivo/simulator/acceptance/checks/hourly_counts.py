"""Check 1: the share of transfers by Brasília hour."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.tally import Tally

#: Percent, 30-day mean of August and September 2026.
# fmt: off
OFFICIAL: Final = (
    2.04, 1.38, 0.89, 0.65, 0.59, 0.86, 1.89, 3.09, 4.13, 5.10, 5.70, 6.22, 6.54, 6.04, 5.73, 5.89,
    6.12, 6.56, 6.86, 6.43, 5.70, 4.94, 3.88, 2.76,
)
# fmt: on
_TOLERANCE: Final = 0.2


def _look(tally: Tally) -> tuple[Finding, ...]:
    return tuple(
        around(f"{hour:02d}h", "% of count", share, _TOLERANCE, percent(tally.hours.share(hour)))
        for hour, share in enumerate(OFFICIAL)
    )


CHECK: Final = Check(
    number=1,
    name="Count by hour",
    source="Open data of the regulator: intraday curve, August and September 2026.",
    tolerance="0.2 points each hour",
    look=_look,
)

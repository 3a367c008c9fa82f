"""Check 4: how much more is paid on the fifth business day, when salaries come."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.day_factors import COUNTS, NO_WHOLE_MONTH, day_factors
from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.tally import Tally

#: 1.14 to 1.18, and 0.04 on both sides.
_LOW: Final = 1.10
_HIGH: Final = 1.22
_OFFICIAL: Final = 1.16


def _look(tally: Tally) -> tuple[Finding, ...]:
    factors = day_factors(tally.days, COUNTS, 1.0)
    lift = factors.salary_lift if factors is not None else None
    found, error = (0.0, None) if lift is None else lift
    return (Finding("count", "factor", _OFFICIAL, _LOW, _HIGH, found, error, NO_WHOLE_MONTH),)


CHECK: Final = Check(
    number=4,
    name="Fifth business day",
    source="Derived from the daily series of 2026, adjusted by weekday.",
    tolerance="0.04 around 1.14 to 1.18",
    look=_look,
)

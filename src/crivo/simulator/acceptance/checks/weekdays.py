"""Check 3: the factors of the weekdays, of count and of value."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.day_factors import COUNTS, TOO_FEW_DAYS, day_factors, values
from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.tally import Tally

NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OFFICIAL_COUNT: Final = (1.02, 1.00, 1.02, 1.01, 1.14, 1.06, 0.77)
OFFICIAL_VALUE: Final = (1.49, 1.22, 1.23, 1.17, 1.40, 0.39, 0.23)
_OF_COUNT: Final = 0.03
_OF_VALUE: Final = 0.08


def _look(tally: Tally) -> tuple[Finding, ...]:
    counts = day_factors(tally.days, COUNTS, sum(OFFICIAL_COUNT) / 7)
    worth = None
    if tally.variances is not None:
        mean = sum(OFFICIAL_VALUE) / 7
        worth = day_factors(tally.days, values(tally.variances.of_value), mean)
    findings = []
    for what, factors, official, tolerance in (
        ("count", counts, OFFICIAL_COUNT, _OF_COUNT),
        ("value", worth, OFFICIAL_VALUE, _OF_VALUE),
    ):
        for place, name in enumerate(NAMES):
            found = (0.0, None) if factors is None else factors.weekdays[place]
            part = f"{what}, {name}"
            findings.append(around(part, "factor", official[place], tolerance, found, TOO_FEW_DAYS))
    return tuple(findings)


CHECK: Final = Check(
    number=3,
    name="Weekdays",
    source="Open data of the regulator: 125 days of 2026 with the trend removed.",
    tolerance="0.03 of count, 0.08 of value",
    look=_look,
)

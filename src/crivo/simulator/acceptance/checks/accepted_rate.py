"""Check 9: accepted contestations of 100,000 transfers, at natural prevalence."""

from __future__ import annotations

import math
from typing import Final

from crivo.simulator.acceptance.accepted import COUNT
from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.tally import Tally

_OFFICIAL: Final = 4.25
_LOW: Final = 3.8
_HIGH: Final = 4.7
_PER: Final = 100_000


def _look(tally: Tally) -> tuple[Finding, ...]:
    count, whole = tally.accepted.count, max(tally.transfers, 1)
    error = math.sqrt(max(float(tally.accepted.covariance[COUNT, COUNT]), 1.0)) / whole * _PER
    found = count / whole * _PER
    return (Finding("accepted", "per 100,000", _OFFICIAL, _LOW, _HIGH, found, error),)


CHECK: Final = Check(
    number=9,
    name="Accepted contestations",
    source="Open data of the regulator: fraud statistics, January to May 2026.",
    tolerance="3.8 to 4.7 (asked of worlds of natural prevalence)",
    look=_look,
    natural_only=True,
)

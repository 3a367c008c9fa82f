"""Check 10: contestations for each that is accepted, at natural prevalence."""

from __future__ import annotations

import math
from typing import Final

from crivo.simulator.acceptance.accepted import COUNT
from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.tally import Tally


def _look(tally: Tally) -> tuple[Finding, ...]:
    accepted, contested = tally.accepted.count, tally.contested
    if accepted == 0:
        return (around("contested", "for each accepted", 10.0, 1.0, (0.0, None)),)
    ratio = contested / accepted
    of_accepted = float(tally.accepted.covariance[COUNT, COUNT]) / accepted**2
    error = ratio * math.sqrt(of_accepted + 1 / contested)
    return (around("contested", "for each accepted", 10.0, 1.0, (ratio, error)),)


CHECK: Final = Check(
    number=10,
    name="Contested for each accepted",
    source="Open data of the regulator: fraud statistics since October 2025.",
    tolerance="9 to 11 (asked of worlds of natural prevalence)",
    look=_look,
    natural_only=True,
)

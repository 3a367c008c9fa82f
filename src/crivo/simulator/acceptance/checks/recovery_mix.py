"""Check 12: what became of the value of accepted frauds."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.recoveries import Recovery

#: Percent of the value, April 2026.
OFFICIAL: Final = {
    Recovery.FULL: 12.5,
    Recovery.NO_BALANCE: 51.7,
    Recovery.ACCOUNT_CLOSED: 2.1,
    Recovery.OTHER: 4.9,
}
_RETURNED_IN_PART: Final = 3.7
_LEFT_OF_PARTS: Final = 25.1
_TOLERANCE: Final = 3.0


def _look(tally: Tally) -> tuple[Finding, ...]:
    unit = "% of value"
    findings = [
        around(
            outcome.name.lower().replace("_", " "),
            unit,
            share,
            _TOLERANCE,
            percent(tally.recoveries.value_share(outcome)),
        )
        for outcome, share in OFFICIAL.items()
    ]
    whole = max(int(tally.recoveries.centavos.sum()), 1)
    parts, error = percent(tally.recoveries.value_share(Recovery.PARTIAL))
    back = 100 * tally.returned_centavos / whole
    return (
        *findings,
        around("partial, returned", unit, _RETURNED_IN_PART, _TOLERANCE, (back, error)),
        around("partial, left", unit, _LEFT_OF_PARTS, _TOLERANCE, (parts - back, error)),
    )


CHECK: Final = Check(
    number=12,
    name="Outcomes of accepted frauds",
    source="Open data of the regulator: fraud statistics, April 2026.",
    tolerance="3 points each",
    look=_look,
)

"""Check 12: what became of the value of accepted frauds."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.accepted import (
    RETURNED_IN_PART,
    VALUE,
    of_recovery,
    place,
)
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
    shares = [
        (outcome.name.lower().replace("_", " "), share, place(of_recovery(outcome)))
        for outcome, share in OFFICIAL.items()
    ]
    back, parts = place(RETURNED_IN_PART), place(of_recovery(Recovery.PARTIAL))
    shares += [
        ("partial, returned", _RETURNED_IN_PART, back),
        ("partial, left", _LEFT_OF_PARTS, parts - back),
    ]
    return tuple(
        around(
            part,
            "% of value",
            share,
            _TOLERANCE,
            percent(tally.accepted.ratio(weights, place(VALUE))),
        )
        for part, share, weights in shares
    )


CHECK: Final = Check(
    number=12,
    name="Outcomes of accepted frauds",
    source="Open data of the regulator: fraud statistics, April 2026.",
    tolerance="3 points each",
    look=_look,
)

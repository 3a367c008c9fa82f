"""Check 11: the mean value of an accepted fraud."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.accepted import COUNT, VALUE, place
from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.tally import Tally

_OFFICIAL: Final = 2350.0
_LOW: Final = 2100.0
_HIGH: Final = 2600.0


def _look(tally: Tally) -> tuple[Finding, ...]:
    mean, error = tally.accepted.ratio(place(VALUE) / 100, place(COUNT))
    return (Finding("mean", "R$", _OFFICIAL, _LOW, _HIGH, mean, error),)


CHECK: Final = Check(
    number=11,
    name="Mean accepted fraud",
    source="Open data of the regulator: fraud statistics, January to May 2026.",
    tolerance="R$ 2,100 to 2,600",
    look=_look,
)

"""Check 15: of which types the registered keys are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding, around, share_tolerance
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.seven.words import KeyKind

#: Percent of the keys, October 2025.
OFFICIAL: Final = {
    KeyKind.RANDOM: 50.7,
    KeyKind.PHONE: 17.1,
    KeyKind.CPF: 15.9,
    KeyKind.EMAIL: 14.6,
    KeyKind.CNPJ: 1.6,
}
_POINTS: Final = 1.0


def _look(tally: Tally) -> tuple[Finding, ...]:
    whole = max(sum(tally.keys.values()), 1)
    findings = []
    for kind, share in OFFICIAL.items():
        part = tally.keys.get(str(kind), 0) / whole
        error = 100 * math.sqrt(part * (1 - part) / whole) if tally.keys else None
        figure = around(
            str(kind), "% of keys", share, share_tolerance(_POINTS, share), (100 * part, error)
        )
        findings.append(replace(figure, sample=whole))
    return tuple(findings)


CHECK: Final = Check(
    number=15,
    name="Key types",
    source="Open data of the regulator: keys of October 2025.",
    tolerance="1 point, or a fifth of a smaller share",
    look=_look,
    # They grow with the users, so with --scale and not with days.
    sample_unit="keys",
)

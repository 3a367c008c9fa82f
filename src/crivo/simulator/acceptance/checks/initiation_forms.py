"""Check 6: by which form payments are initiated."""

from __future__ import annotations

from typing import Final

from crivo.domain.transfer import Initiation
from crivo.simulator.acceptance.finding import Check, Finding, around
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.rows import INITIATIONS

#: Percent of count, June 2026; the 0.66 % whose form is not available are left out.
OFFICIAL: Final = {
    Initiation.QRDN: 43.14,
    Initiation.DICT: 37.22,
    Initiation.MANU: 10.71,
    Initiation.QRES: 8.16,
    Initiation.AUTO: 0.062,
    Initiation.INIC: 0.035,
    Initiation.APDN: 0.023,
}
_TOLERANCE: Final = 1.0


def _look(tally: Tally) -> tuple[Finding, ...]:
    findings = []
    for initiation, share in OFFICIAL.items():
        found = percent(tally.initiations.share(INITIATIONS.index(initiation)))
        findings.append(around(str(initiation), "% of count", share, _TOLERANCE, found))
    return tuple(findings)


CHECK: Final = Check(
    number=6,
    name="Initiation forms",
    source="Open data of the regulator: composition of June 2026.",
    tolerance="1 point each",
    look=_look,
)

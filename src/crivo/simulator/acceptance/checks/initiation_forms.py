"""Check 6: by which form payments are initiated."""

from __future__ import annotations

from typing import Final

from crivo.domain.transfer import Initiation
from crivo.simulator.acceptance.finding import Check, Finding, around, never, share_tolerance
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.rows import INITIATIONS

#: Percent of count, June 2026; the 0.66 % whose form is not available are left out, and static
#: contactless ones, of which there was one in a million, are counted with the dynamic ones.
OFFICIAL: Final = {
    Initiation.QRDN: 43.14,
    Initiation.DICT: 37.22,
    Initiation.MANU: 10.71,
    Initiation.QRES: 8.16,
    Initiation.AUTO: 0.062,
    Initiation.INIC: 0.035,
    Initiation.APDN: 0.023,
}
_COUNTED_WITH: Final = {Initiation.APDN: (Initiation.APES,)}


def _look(tally: Tally) -> tuple[Finding, ...]:
    findings = []
    for initiation, share in OFFICIAL.items():
        counted = [initiation, *_COUNTED_WITH.get(initiation, ())]
        places = [INITIATIONS.index(one) for one in counted]
        found, tolerance = percent(tally.initiations.share(*places)), share_tolerance(1.0, share)
        findings.append(around(str(initiation), "% of count", share, tolerance, found))
    return (*findings, never(tally, Rule.TYPED_UNASKED))


CHECK: Final = Check(
    number=6,
    name="Initiation forms",
    source="Open data of the regulator: composition of June 2026.",
    tolerance="1 point, or a fifth of a smaller share; typed ones have no data of the directory",
    look=_look,
)

"""Check 5: who pays whom, and the mean tickets."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import TWO_WEEKS, Check, Finding, around, share_tolerance
from crivo.simulator.acceptance.grouped import Figure, less_sure, measured, percent
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.natures import NATURES, Nature

#: Percent of count and mean ticket in reais, June 2026.
OFFICIAL: Final = {
    Nature.P2B: (46.04, 110.58),
    Nature.P2P: (39.78, 267.41),
    Nature.B2P: (9.57, 522.44),
    Nature.B2B: (4.11, 5392.15),
    Nature.P2G: (0.25, 366.62),
    Nature.G2P: (0.12, 1570.19),
    Nature.B2G: (0.12, 1986.65),
}
_POINTS: Final = 1.0
_TICKET: Final = 0.05
#: Amounts are drawn by quota of a day. Where a day holds fewer of a nature, no quota levels them: a
#: few large payments decide, and the world's own tell more of its error than sixteen towns do.
_LEVELLED: Final = 100


def _look(tally: Tally) -> tuple[Finding, ...]:
    findings = []
    for nature, (share, ticket) in OFFICIAL.items():
        place = NATURES.index(nature)
        points = share_tolerance(_POINTS, share)
        count, mean = percent(tally.natures.share(place)), _ticket(tally, place)
        findings.append(around(f"{nature}, share", "% of count", share, points, count))
        findings.append(around(f"{nature}, mean", "R$", ticket, _TICKET * ticket, mean))
    return tuple(findings)


def _ticket(tally: Tally, place: int) -> Figure:
    """The mean ticket in reais, with the error that was measured where it was; where payments are
    few, it is at least that of independent ones.
    """
    independent = tally.natures.mean_reais(place)
    count = int(tally.natures.counts[place])
    if tally.variances is None or count == 0:
        return independent
    over_towns = float(tally.variances.of_ticket[place]) / count / 100**2
    figure = measured(independent, over_towns)
    few = count < _LEVELLED * len(tally.days)
    return less_sure(figure, independent) if few else figure


CHECK: Final = Check(
    number=5,
    name="Natures and mean tickets",
    source="Open data of the regulator: composition of June 2026.",
    tolerance="1 point of count, or a fifth of a smaller share; 5 % of the mean ticket",
    look=_look,
    days_min=TWO_WEEKS,
)

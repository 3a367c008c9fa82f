"""Check 13: how often a naive policy of precautionary blocks is right."""

from __future__ import annotations

from typing import Final

from crivo.simulator.acceptance.finding import Check, Finding
from crivo.simulator.acceptance.grouped import percent
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.blocks import Block

_BY_COUNT: Final = 28.7
_BY_VALUE: Final = 2.0
#: The same order: up to so many times more or less.
_ORDER: Final = 3.0


def _look(tally: Tally) -> tuple[Finding, ...]:
    count = percent(tally.blocks.share(Block.RETURNED))
    value = percent(tally.blocks.value_share(Block.RETURNED))
    return tuple(
        Finding(part, "% returned", target, target / _ORDER, target * _ORDER, *figure)
        for part, target, figure in (
            ("by count", _BY_COUNT, count),
            ("by value", _BY_VALUE, value),
        )
    )


CHECK: Final = Check(
    number=13,
    name="Precautionary blocks that were right",
    source="Open data of the regulator: precautionary blocks of April 2026.",
    tolerance="the same order (asked of worlds of natural prevalence)",
    look=_look,
    natural_only=True,
)

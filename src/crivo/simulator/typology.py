"""What a fraud declares: one a file in `typologies/`, found by reflection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crivo.simulator import typologies
from crivo.simulator.casting import Casting
from crivo.simulator.catalogue import one_a_file
from crivo.simulator.draws import Draws
from crivo.simulator.reports import CONTEST_DELAYS, DelayTable
from crivo.simulator.rows import Rows

#: Draws one campaign: rows with `hop` set, in any order, all within the casting's days.
Recipe = Callable[[Casting, Draws], Rows]


@dataclass(frozen=True, slots=True)
class Typology:
    """A kind of fraud.

    `share_per_mille` is its part of the fraudulent transfers relative to the other typologies'.
    Of the transfers that victims made (hop 1), `reported_per_mille` are contested; of those that
    mules passed on, `traced_per_mille` become known when the victim's bank traces the money.
    `situation` and `fraud_type` are the codes of the infraction report; `signals` are what could
    be seen when deciding; `source` says where recipe and prior come from.
    """

    code: str
    name: str
    meaning: str
    source: str
    signals: tuple[str, ...]
    situation: str
    fraud_type: str
    share_per_mille: int
    reported_per_mille: int
    recipe: Recipe
    traced_per_mille: int = 0
    contest_delays: DelayTable = CONTEST_DELAYS


def default_typologies() -> tuple[Typology, ...]:
    """Every typology, by its code."""
    found = one_a_file(typologies, "TYPOLOGY", Typology)
    return tuple(sorted(found, key=lambda typology: typology.code))

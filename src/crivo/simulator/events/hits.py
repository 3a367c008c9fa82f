"""What the register that institutions share holds about the parties to an attempt."""

from __future__ import annotations

from typing import Final

from crivo.simulator.columns import Kind
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, Field
from crivo.simulator.events.viewpoint import BOTH, PAYER
from crivo.simulator.rows import NONE

FIELDS: Final = (
    Field("register_payer_hits", Kind.INTEGER, BOTH, "records about the payer, as of midnight"),
    Field("register_payee_hits", Kind.INTEGER, BOTH, "records about the payee, as of midnight"),
    Field(
        "register_device_hits",
        Kind.INTEGER,
        PAYER,
        "records about the device, as of midnight",
        nullable=True,
    ),
)


def values(facts: DayFacts) -> Drawn:
    """The records about the day's attempts; of a device only where there is one."""
    return {
        "register_payer_hits": facts.hits.payers,
        "register_payee_hits": facts.hits.payees,
        "register_device_hits": (facts.hits.devices, facts.rows["device"] == NONE),
    }

"""What each outcome means on the rail: the payer's institution acts, and the rail has its words.

Blocking, marking and recovering are no outcomes: they are actions of a case, after the payment.
Source: catalogue of messages of the SPI (service levels of pacs.008, codes of pacs.002).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from crivo.decision.outcome import Outcome
from crivo.domain.settlement import Rejection
from crivo.domain.transfer import ServiceLevel


@dataclass(frozen=True, slots=True)
class OnRail:
    """What the payer's institution does, the service level of the order while it waits, and the
    code of a rejection by the payee's institution before settlement; None where there is none.
    """

    action: str
    service_level: ServiceLevel | None = None
    rejection: Rejection | None = None


ON_RAIL: Final[Mapping[Outcome, OnRail]] = {
    Outcome.ALLOW: OnRail("sends the order"),
    Outcome.WARN: OnRail("shows an alert, and sends the order once the payer confirms"),
    Outcome.STEP_UP: OnRail("asks for a second factor, and sends the order once it is given"),
    Outcome.HOLD: OnRail("keeps the order, tells the payer, who may cancel", ServiceLevel.PAGFRD),
    Outcome.REJECT: OnRail("does not send the order, and explains", rejection=Rejection.FRAD),
}


def rail_table() -> str:
    """The table of the page about the policy, in Markdown."""
    lines = [
        "| outcome | what the payer's institution does | service level | code of a rejection |",
        "|---|---|---|---|",
    ]
    for outcome, on_rail in ON_RAIL.items():
        words = [
            f"`{word}`" if word else "none" for word in (on_rail.service_level, on_rail.rejection)
        ]
        lines.append(f"| `{outcome.value}` | {on_rail.action} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"

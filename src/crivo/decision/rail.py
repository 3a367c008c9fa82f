"""What each outcome means on the rail, to the institution that asks, in the rail's own words.

The payer's institution asks before it sends, the payee's before it credits (settlement phase).
Marking and recovering are no outcomes: they are actions of a case, after the payment.
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
    """What the payer's institution does, and the payee's; the service level of the order while it
    waits, and the code of a rejection by the payee's before settlement; None where there is none.
    """

    action: str
    payee_action: str = "credits"
    service_level: ServiceLevel | None = None
    rejection: Rejection | None = None


ON_RAIL: Final[Mapping[Outcome, OnRail]] = {
    Outcome.ALLOW: OnRail("sends the order"),
    Outcome.WARN: OnRail("shows an alert, and sends the order once the payer confirms"),
    Outcome.STEP_UP: OnRail("asks for a second factor, and sends the order once it is given"),
    Outcome.HOLD: OnRail(
        "keeps the order, tells the payer, who may cancel",
        "credits and freezes, tells the payee, then releases or returns",
        ServiceLevel.PAGFRD,
    ),
    Outcome.REJECT: OnRail(
        "does not send the order, and explains",
        "rejects the order",
        rejection=Rejection.FRAD,
    ),
}

#: A HOLD of the payee's institution that blocks a credit: nobody keeps the order any more.
_BLOCK: Final = OnRail(
    "has sent the order, which nobody can cancel", ON_RAIL[Outcome.HOLD].payee_action
)


def on_rail(outcome: Outcome, *, is_block: bool = False) -> OnRail:
    """What an outcome means; `is_block`: a HOLD of the credit, not of the order."""
    return _BLOCK if is_block else ON_RAIL[outcome]


_ACTIONS: Final = ("what the payer's institution does", "what the payee's does")


def rail_table() -> str:
    """The table of the page about the policy, in Markdown."""
    heads = ("outcome", *_ACTIONS, "service level", "code of a rejection")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    named = [(f"`{outcome.value}`", means) for outcome, means in ON_RAIL.items()]
    for name, means in (*named, (f"`{Outcome.HOLD.value}` of a credit (block)", _BLOCK)):
        words = [f"`{word}`" if word else "none" for word in (means.service_level, means.rejection)]
        lines.append(f"| {name} | {means.action} | {means.payee_action} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"

"""The card of a feature: what people must know of it."""

from __future__ import annotations

from dataclasses import dataclass

from crivo.features.lawful import LawfulPurpose
from crivo.features.terms import VisibleTo
from crivo.features.typed import check_member, check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What people must know of a feature; no part of its hash.

    `reason` is the code of the reason (`decision/reasons.py`) that stands for the feature where it
    raised the score of a transfer. `rationale` says why it tells of fraud, `purpose` what its data
    may be processed for (LGPD, art. 6 I).

    Raises:
        Misconfigured: DEFINITION_INVALID where a text is empty or none.
    """

    meaning: str
    unit: str
    null_meaning: str
    leakage: str
    rationale: str
    purpose: LawfulPurpose
    reason: str
    owner: str
    visible_to: VisibleTo = VisibleTo.PAYER_PSP

    def __post_init__(self) -> None:
        for name in ("meaning", "unit", "null_meaning", "leakage", "rationale", "reason", "owner"):
            check_text(f"card.{name}", getattr(self, name))
        check_member("card.purpose", self.purpose, LawfulPurpose)
        check_member("card.visible_to", self.visible_to, VisibleTo)

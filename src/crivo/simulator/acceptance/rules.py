"""Rules that nothing in a world may break: how often each was looked at, and how often broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """What is looked at, as the report names it."""

    # Valid by the rail's and the directory's documents.
    END_TO_END_IDS = "EndToEndIds"
    RETURN_IDS = "return ids"
    KEYS = "keys"
    TAX_IDS = "tax ids"
    CODE_IDS = "ids of codes"
    INSTITUTIONS = "ISPBs"
    # The directory is asked about keys, by another institution.
    TYPED_UNASKED = "typed, with data of the directory"
    INSIDE_UNASKED = "inside one institution, with data of the directory"
    # Known when it is used.
    CLAIMS_IN_TIME = "claims, verdicts and ends of blocks before their time"
    INPUTS_IN_TIME = "inputs of a decision that are newer than it"
    OUTCOMES_IN_TIME = "outcomes told before the decision"
    # In force on the date.
    CONTACTLESS_CAP = "contactless above R$ 500 until 30 September 2026"
    NEW_DEVICE_CAP = "from an unregistered device above R$ 200, since 1 November 2024"
    NEW_DEVICE_DAY = "days of an unregistered device above R$ 1,000, since 1 November 2024"
    BLOCK_HOURS = "blocks of more than 72 hours, since 16 November 2021"
    CLAIM_DAYS = "claims after more than 80 days, since 16 November 2021"
    ANALYSIS_DAYS = "analyses of more than 7 days, since 16 November 2021"


@dataclass(slots=True)
class Looks:
    """Of one rule."""

    seen: int = 0
    broken: int = 0


@dataclass(slots=True)
class Rules:
    """Of all of them."""

    looks: dict[Rule, Looks] = field(default_factory=lambda: {rule: Looks() for rule in Rule})

    def look(self, rule: Rule, seen: int, broken: int) -> None:
        """Notes that so many were looked at and so many of these break the rule."""
        looks = self.looks[rule]
        looks.seen += int(seen)
        looks.broken += int(broken)

"""The payee's person was entered into a list of the watched or the stopped."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

LISTED = "payee_person_listing_count_90d"

RULE = Rule(
    name="payee_person_listed",
    condition=Field(LISTED) > 0,
    parameters=(),
    reason=ReasonCode.LISTED,
    source="House rule",
    threat="Who loses one account receives into the next.",
    at={},
    fires=({LISTED: 1.0},),
    silent=(
        {LISTED: 0.0},
        {LISTED: None},
    ),
)

"""The payee's key was entered into a list of the watched or the stopped."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

LISTED = "payee_key_listing_count_90d"

RULE = Rule(
    name="payee_key_listed",
    condition=Field(LISTED) > 0,
    parameters=(),
    reason=ReasonCode.LISTED,
    source="House rule",
    threat="A key moves to the next account and is spread as before.",
    at={},
    fires=({LISTED: 1.0},),
    silent=(
        {LISTED: 0.0},
        {LISTED: None},
    ),
)

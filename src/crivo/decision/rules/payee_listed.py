"""The payee was entered into a list of the watched or the stopped."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

LISTED = "payee_listing_count_90d"

RULE = Rule(
    name="payee_listed",
    condition=Field(LISTED) > 0,
    parameters=(),
    reason=ReasonCode.LISTED,
    source="House rule",
    threat="What an analyst has found out once need not be found out again.",
    at={},
    fires=({LISTED: 1.0},),
    silent=(
        {LISTED: 0.0},
        {LISTED: None},
    ),
)

"""The device was entered into a list of the watched or the stopped."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

LISTED = "device_listing_count_90d"

RULE = Rule(
    name="device_listed",
    condition=Field(LISTED) > 0,
    parameters=(),
    reason=ReasonCode.LISTED,
    source="House rule",
    threat="A thief's telephone outlives the accounts that it emptied.",
    at={},
    fires=({LISTED: 1.0},),
    silent=(
        {LISTED: 0.0},
        {LISTED: None},
    ),
)

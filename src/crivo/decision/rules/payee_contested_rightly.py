"""A contested transfer to the payee was found to be fraud in the last ninety days."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

AGREED = "payee_agreed_infraction_count_90d"

RULE = Rule(
    name="payee_contested_rightly",
    condition=Field(AGREED) > 0,
    parameters=(),
    reason=ReasonCode.PAYEE_REPORTED,
    source="BCB Resolution 103/2021 (MED): funds of contested transfers are blocked and returned",
    threat="The payee's own institution has agreed that it was fraud.",
    at={},
    fires=({AGREED: 1.0},),
    silent=(
        {AGREED: 0.0},
        {AGREED: None},
    ),
)

"""The payee sends on most of what it receives."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

SHARE = "payee_amount_pass_through_24h"
RECEIVED = "payee_transfer_count_24h"
SHARE_MIN = "rules.payee_passes_through.share.min"
RECEIVED_MIN = "rules.payee_passes_through.transfers.min"

RULE = Rule(
    name="payee_passes_through",
    condition=(Field(SHARE) >= Parameter(SHARE_MIN)) & (Field(RECEIVED) >= Parameter(RECEIVED_MIN)),
    parameters=(Key(SHARE_MIN, Kind.NUMBER), Key(RECEIVED_MIN, Kind.COUNT)),
    reason=ReasonCode.PAYEE_PASS_THROUGH,
    source="BCB Circular 3978/2020: moves without an economic reason",
    threat="A mule keeps little, and not for long.",
    at={SHARE_MIN: 0.8, RECEIVED_MIN: 4},
    fires=({SHARE: 0.8, RECEIVED: 4.0},),
    silent=(
        {SHARE: 0.79, RECEIVED: 4.0},
        {SHARE: 0.8, RECEIVED: 3.0},
        {SHARE: None, RECEIVED: 4.0},
    ),
)

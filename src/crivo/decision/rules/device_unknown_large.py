"""The device has not paid from this account, and the amount is above what such a device may pay."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

USED = "payer_device_transfer_count_30d"
AMOUNT = "transfer_amount_value_now"
AMOUNT_MAX = "limits.device_unregistered.transfer"

RULE = Rule(
    name="device_unknown_large",
    condition=Field(USED).equals(0) & (Field(AMOUNT) > Parameter(AMOUNT_MAX)),
    parameters=(Key(AMOUNT_MAX, Kind.MONEY, optional=True),),
    reason=ReasonCode.DEVICE_UNREGISTERED_LIMIT,
    source="BCB Resolution 403/2024; Normative Instruction 491/2024: R$ 200 a transfer",
    threat="A stolen credential is used on the thief's own device.",
    at={AMOUNT_MAX: 20_000},
    fires=({USED: 0.0, AMOUNT: 20_001.0},),
    silent=(
        {USED: 1.0, AMOUNT: 20_001.0},
        {USED: 0.0, AMOUNT: 20_000.0},
        {USED: None, AMOUNT: 20_001.0},
    ),
)

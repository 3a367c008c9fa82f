"""The device has paid from several accounts lately."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

PAYERS = "device_payer_distinct_30d"
PAYERS_MIN = "rules.device_shared.payers.min"

RULE = Rule(
    name="device_shared",
    condition=Field(PAYERS) >= Parameter(PAYERS_MIN),
    parameters=(Key(PAYERS_MIN, Kind.COUNT),),
    reason=ReasonCode.DEVICE_NEW,
    source="BCB Resolution 403/2024: security of Pix, devices and customers",
    threat="One telephone empties the accounts of many.",
    at={PAYERS_MIN: 4},
    fires=({PAYERS: 4.0},),
    silent=(
        {PAYERS: 3.0},
        {PAYERS: None},
    ),
)

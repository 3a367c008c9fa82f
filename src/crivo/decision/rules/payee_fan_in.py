"""A young account receives from many within a day."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

RECEIVED = "payee_transfer_count_24h"
AGE = "payee_transfer_since_first_ever"
RECEIVED_MIN = "rules.payee_fan_in.transfers.min"
AGE_MAX = "rules.payee_fan_in.age_seconds.max"

RULE = Rule(
    name="payee_fan_in",
    condition=(Field(RECEIVED) >= Parameter(RECEIVED_MIN)) & (Field(AGE) < Parameter(AGE_MAX)),
    parameters=(Key(RECEIVED_MIN, Kind.COUNT), Key(AGE_MAX, Kind.COUNT)),
    reason=ReasonCode.PAYEE_FAN_IN,
    source="House rule, in shadow: new merchants look alike",
    threat="A fake shop or a hub of mules collects from many payers before it is reported.",
    at={RECEIVED_MIN: 40, AGE_MAX: 2_592_000},
    fires=({RECEIVED: 40.0, AGE: 2_591_999.0},),
    silent=(
        {RECEIVED: 39.0, AGE: 60.0},
        {RECEIVED: 40.0, AGE: 2_592_000.0},
        {RECEIVED: 40.0, AGE: None},
    ),
)

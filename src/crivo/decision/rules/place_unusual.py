"""The transfer comes from far away."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

SIGNAL = "payer_place_unusual_last_ever"
TOLD = "payer_risk_signals_since_last_ever"
TOLD_MAX = "rules.place_unusual.age_seconds.max"

RULE = Rule(
    name="place_unusual",
    condition=Field(SIGNAL).equals(1) & (Field(TOLD) < Parameter(TOLD_MAX)),
    parameters=(Key(TOLD_MAX, Kind.COUNT),),
    reason=ReasonCode.GEO_IMPOSSIBLE,
    source="Open Finance risk signals; BCB Resolution 403/2024",
    threat="The device is where its owner never pays.",
    at={TOLD_MAX: 900},
    fires=({SIGNAL: 1.0, TOLD: 899.0},),
    silent=(
        {SIGNAL: 0.0, TOLD: 899.0},
        {SIGNAL: 1.0, TOLD: 900.0},
        {SIGNAL: None, TOLD: 899.0},
    ),
)

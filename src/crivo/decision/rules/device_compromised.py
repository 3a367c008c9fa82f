"""The device is rooted, emulated or not genuine."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

SIGNAL = "payer_compromised_last_ever"
TOLD = "payer_risk_signals_since_last_ever"
TOLD_MAX = "rules.device_compromised.age_seconds.max"

RULE = Rule(
    name="device_compromised",
    condition=Field(SIGNAL).equals(1) & (Field(TOLD) < Parameter(TOLD_MAX)),
    parameters=(Key(TOLD_MAX, Kind.COUNT),),
    reason=ReasonCode.DEVICE_COMPROMISED,
    source="Open Finance risk signals; BCB Resolution 403/2024",
    threat="Stolen accounts are run on emulators, dozens at a time.",
    at={TOLD_MAX: 86400},
    fires=({SIGNAL: 1.0, TOLD: 86399.0},),
    silent=(
        {SIGNAL: 0.0, TOLD: 86399.0},
        {SIGNAL: 1.0, TOLD: 86400.0},
        {SIGNAL: None, TOLD: 86399.0},
    ),
)

"""A call was in progress while paying."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

SIGNAL = "payer_call_in_progress_last_ever"
TOLD = "payer_risk_signals_since_last_ever"
TOLD_MAX = "rules.call_in_progress.age_seconds.max"

RULE = Rule(
    name="call_in_progress",
    condition=Field(SIGNAL).equals(1) & (Field(TOLD) < Parameter(TOLD_MAX)),
    parameters=(Key(TOLD_MAX, Kind.COUNT),),
    reason=ReasonCode.CALL_IN_PROGRESS,
    source="Open Finance risk signals; BCB Resolution 403/2024",
    threat="Victims are led by telephone, step by step.",
    at={TOLD_MAX: 900},
    fires=({SIGNAL: 1.0, TOLD: 899.0},),
    silent=(
        {SIGNAL: 0.0, TOLD: 899.0},
        {SIGNAL: 1.0, TOLD: 900.0},
        {SIGNAL: None, TOLD: 899.0},
    ),
)

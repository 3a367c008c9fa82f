"""The receiver of the scanned code is not the merchant shown."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

SIGNAL = "payer_receiver_mismatched_last_ever"
TOLD = "payer_risk_signals_since_last_ever"
TOLD_MAX = "rules.code_payee_mismatched.age_seconds.max"

RULE = Rule(
    name="code_payee_mismatched",
    condition=Field(SIGNAL).equals(1) & (Field(TOLD) < Parameter(TOLD_MAX)),
    parameters=(Key(TOLD_MAX, Kind.COUNT),),
    reason=ReasonCode.QR_PAYEE_MISMATCH,
    source="Open Finance risk signals; BCB Resolution 403/2024",
    threat="A sticker over the shop's code pays somebody else.",
    at={TOLD_MAX: 900},
    fires=({SIGNAL: 1.0, TOLD: 899.0},),
    silent=(
        {SIGNAL: 0.0, TOLD: 899.0},
        {SIGNAL: 1.0, TOLD: 900.0},
        {SIGNAL: None, TOLD: 899.0},
    ),
)

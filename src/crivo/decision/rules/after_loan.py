"""A loan was paid out within the day, and the payee is new."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

SIGNAL = "payer_loan_taken_last_ever"
TOLD = "payer_risk_signals_since_last_ever"
PAID = "pair_transfer_count_30d"
TOLD_MAX = "rules.after_loan.age_seconds.max"

RULE = Rule(
    name="after_loan",
    condition=Field(SIGNAL).equals(1) & (Field(TOLD) < Parameter(TOLD_MAX)) & Field(PAID).equals(0),
    parameters=(Key(TOLD_MAX, Kind.COUNT),),
    reason=ReasonCode.AFTER_LOAN,
    source="Open Finance risk signals; BCB Resolution 403/2024",
    threat="Victims are led to take a loan and to send it on, or thieves take it in their name.",
    at={TOLD_MAX: 86_400},
    fires=({SIGNAL: 1.0, TOLD: 86_399.0, PAID: 0.0},),
    silent=(
        {SIGNAL: 0.0, TOLD: 86_399.0, PAID: 0.0},
        {SIGNAL: 1.0, TOLD: 86_400.0, PAID: 0.0},
        {SIGNAL: 1.0, TOLD: 86_399.0, PAID: 1.0},
        {SIGNAL: None, TOLD: 86_399.0, PAID: 0.0},
    ),
)

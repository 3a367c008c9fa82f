"""A payee that was known long ago and received nothing for a month receives again."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

RECEIVED = "payee_transfer_count_30d"
AGE = "payee_transfer_since_first_ever"
AMOUNT = "transfer_amount_value_now"
AGE_MIN = "rules.payee_dormant.age_seconds.min"
AMOUNT_MIN = "rules.payee_dormant.amount.min"

RULE = Rule(
    name="payee_dormant",
    condition=Field(RECEIVED).equals(0)
    & (Field(AGE) >= Parameter(AGE_MIN))
    & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(Key(AGE_MIN, Kind.COUNT), Key(AMOUNT_MIN, Kind.MONEY)),
    reason=ReasonCode.PAYEE_DORMANT_REACTIVATED,
    source="House rule",
    threat="Forgotten accounts are bought because their age looks harmless.",
    at={AGE_MIN: 7_776_000, AMOUNT_MIN: 100_000},
    fires=({RECEIVED: 0.0, AGE: 7_776_000.0, AMOUNT: 100_000.0},),
    silent=(
        {RECEIVED: 1.0, AGE: 7_776_000.0, AMOUNT: 100_000.0},
        {RECEIVED: 0.0, AGE: 7_775_999.0, AMOUNT: 100_000.0},
        {RECEIVED: 0.0, AGE: 7_776_000.0, AMOUNT: 99_999.0},
        {RECEIVED: None, AGE: 7_776_000.0, AMOUNT: 100_000.0},
    ),
)

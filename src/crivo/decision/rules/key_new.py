"""The key was registered only lately, and the payer never paid this payee."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payee_key_key_created_age_ever"
PAID = "pair_transfer_count_30d"
AMOUNT = "transfer_amount_value_now"
AGE_MAX = "rules.key_new.age_seconds.max"
AMOUNT_MIN = "rules.key_new.amount.min"

RULE = Rule(
    name="key_new",
    condition=(Field(AGE) < Parameter(AGE_MAX))
    & Field(PAID).equals(0)
    & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(Key(AGE_MAX, Kind.COUNT), Key(AMOUNT_MIN, Kind.MONEY)),
    reason=ReasonCode.KEY_NEW,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="Keys are made for one campaign and spread on the same day.",
    at={AGE_MAX: 259_200, AMOUNT_MIN: 50_000},
    fires=({AGE: 259_199.0, PAID: 0.0, AMOUNT: 50_000.0},),
    silent=(
        {AGE: 259_200.0, PAID: 0.0, AMOUNT: 50_000.0},
        {AGE: 259_199.0, PAID: 1.0, AMOUNT: 50_000.0},
        {AGE: 259_199.0, PAID: 0.0, AMOUNT: 49_999.0},
        {AGE: None, PAID: 0.0, AMOUNT: 50_000.0},
    ),
)

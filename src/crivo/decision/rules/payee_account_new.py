"""The payee began to receive only lately, and the payer has not paid it for thirty days."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payee_transfer_since_first_ever"
PAID = "pair_transfer_count_30d"
AMOUNT = "transfer_amount_value_now"
AGE_MAX = "rules.payee_account_new.age_seconds.max"
AMOUNT_MIN = "rules.payee_account_new.amount.min"

RULE = Rule(
    name="payee_account_new",
    condition=(Field(AGE) < Parameter(AGE_MAX))
    & Field(PAID).equals(0)
    & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(Key(AGE_MAX, Kind.COUNT), Key(AMOUNT_MIN, Kind.MONEY)),
    reason=ReasonCode.PAYEE_ACCT_NEW,
    source="House rule",
    threat="Accounts are opened, rented or bought to receive for some days, then abandoned.",
    at={AGE_MAX: 604_800, AMOUNT_MIN: 50_000},
    fires=({AGE: 604_799.0, PAID: 0.0, AMOUNT: 50_000.0}, {AGE: 0.5, PAID: 0.0, AMOUNT: 80_000.0}),
    silent=(
        {AGE: 604_800.0, PAID: 0.0, AMOUNT: 50_000.0},
        {AGE: 60.0, PAID: 2.0, AMOUNT: 50_000.0},
        {AGE: 60.0, PAID: 0.0, AMOUNT: 49_999.0},
        {AGE: None, PAID: 0.0, AMOUNT: 50_000.0},
    ),
)

"""The payee's account was opened only lately."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payee_account_opened_age_ever"
PAID = "pair_transfer_count_30d"
AMOUNT = "transfer_amount_value_now"
AGE_MAX = "rules.account_opened_lately.age_seconds.max"
AMOUNT_MIN = "rules.account_opened_lately.amount.min"

RULE = Rule(
    name="account_opened_lately",
    condition=(Field(AGE) < Parameter(AGE_MAX))
    & Field(PAID).equals(0)
    & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(Key(AGE_MAX, Kind.COUNT), Key(AMOUNT_MIN, Kind.MONEY)),
    reason=ReasonCode.PAYEE_ACCT_NEW,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="Accounts are opened under false or borrowed names to receive for some days.",
    at={AGE_MAX: 2_592_000, AMOUNT_MIN: 100_000},
    fires=({AGE: 2_591_999.0, PAID: 0.0, AMOUNT: 100_000.0},),
    silent=(
        {AGE: 2_592_000.0, PAID: 0.0, AMOUNT: 100_000.0},
        {AGE: 2_591_999.0, PAID: 1.0, AMOUNT: 100_000.0},
        {AGE: 2_591_999.0, PAID: 0.0, AMOUNT: 99_999.0},
        {AGE: None, PAID: 0.0, AMOUNT: 100_000.0},
    ),
)

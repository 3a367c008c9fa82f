"""A large amount to somebody whom the payer has not paid lately."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

PAID = "pair_transfer_count_30d"
AMOUNT = "transfer_amount_value_now"
AMOUNT_MIN = "rules.payee_new_large.amount.min"

RULE = Rule(
    name="payee_new_large",
    condition=Field(PAID).equals(0) & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(Key(AMOUNT_MIN, Kind.MONEY),),
    reason=ReasonCode.PAYEE_NEW_FOR_PAYER,
    source="House rule; the scam alert of the Pix manual leaves the criteria to the PSP",
    threat="Nearly every scam ends in a first payment to an unknown account.",
    at={AMOUNT_MIN: 300_000},
    fires=({PAID: 0.0, AMOUNT: 300_000.0}, {PAID: 0.0, AMOUNT: 9_000_000.0}),
    silent=({PAID: 0.0, AMOUNT: 299_999.0}, {PAID: 1.0, AMOUNT: 300_000.0}),
)

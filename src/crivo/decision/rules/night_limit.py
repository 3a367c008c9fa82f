"""At night, more than the limit that the regulator sets for the period."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

NIGHT = "transfer_night_value_now"
AMOUNT = "transfer_amount_value_now"
LIMIT = "limits.night.amount"

RULE = Rule(
    name="night_limit",
    condition=Field(NIGHT).equals(1) & (Field(AMOUNT) > Parameter(LIMIT)),
    parameters=(Key(LIMIT, Kind.MONEY, optional=True),),
    reason=ReasonCode.NIGHT_LIMIT,
    source="BCB Resolution 142/2021; Normative Instructions 331/2022 and 512/2024",
    threat="Kidnapped payers are made to transfer at night as much as the limit lets through.",
    at={LIMIT: 100_000},
    fires=({NIGHT: 1.0, AMOUNT: 100_001.0},),
    silent=({NIGHT: 1.0, AMOUNT: 100_000.0}, {NIGHT: 0.0, AMOUNT: 500_000.0}),
)

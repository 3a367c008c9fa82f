"""The amount is many times what the payer usually transfers."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

RATIO = "payer_amount_ratio_30d"
TRANSFERS = "payer_transfer_count_30d"
AMOUNT = "transfer_amount_value_now"
RATIO_MIN = "rules.amount_unusual.ratio.min"
TRANSFERS_MIN = "rules.amount_unusual.transfers.min"
AMOUNT_MIN = "rules.amount_unusual.amount.min"

RULE = Rule(
    name="amount_unusual",
    condition=(Field(RATIO) >= Parameter(RATIO_MIN))
    & (Field(TRANSFERS) >= Parameter(TRANSFERS_MIN))
    & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(
        Key(RATIO_MIN, Kind.NUMBER),
        Key(TRANSFERS_MIN, Kind.COUNT),
        Key(AMOUNT_MIN, Kind.MONEY),
    ),
    reason=ReasonCode.AMOUNT_VS_PROFILE,
    source="BCB Resolution 403/2024: transactions atypical for the customer",
    threat="A taken or coerced account is emptied in one transfer unlike any before.",
    at={RATIO_MIN: 10.0, TRANSFERS_MIN: 5, AMOUNT_MIN: 50_000},
    fires=({RATIO: 10.0, TRANSFERS: 5.0, AMOUNT: 50_000.0},),
    silent=(
        {RATIO: 9.99, TRANSFERS: 5.0, AMOUNT: 50_000.0},
        {RATIO: 10.0, TRANSFERS: 4.0, AMOUNT: 50_000.0},
        {RATIO: 10.0, TRANSFERS: 5.0, AMOUNT: 49_999.0},
        {RATIO: None, TRANSFERS: 0.0, AMOUNT: 50_000.0},
    ),
)

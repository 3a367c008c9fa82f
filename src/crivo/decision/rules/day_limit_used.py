"""Nearly all of the day's limit is used, and the payee is new."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

USED = "payer_day_limit_used_today"
PAID = "pair_transfer_count_30d"
USED_MIN = "rules.day_limit_used.share.min"

RULE = Rule(
    name="day_limit_used",
    condition=(Field(USED) >= Parameter(USED_MIN)) & Field(PAID).equals(0),
    parameters=(Key(USED_MIN, Kind.NUMBER),),
    reason=ReasonCode.LIMIT_USED,
    source="BCB Resolution 142/2021: limits",
    threat="Who empties an account goes up to its limit.",
    at={USED_MIN: 0.9},
    fires=({USED: 0.9, PAID: 0.0},),
    silent=(
        {USED: 0.89, PAID: 0.0},
        {USED: 0.9, PAID: 1.0},
        {USED: None, PAID: 0.0},
    ),
)

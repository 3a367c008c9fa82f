"""A higher limit was asked for within the day, and the payee is new."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payer_limit_raise_since_last_ever"
PAID = "pair_transfer_count_30d"
AGE_MAX = "rules.after_limit_raise.age_seconds.max"

RULE = Rule(
    name="after_limit_raise",
    condition=(Field(AGE) < Parameter(AGE_MAX)) & Field(PAID).equals(0),
    parameters=(Key(AGE_MAX, Kind.COUNT),),
    reason=ReasonCode.LIMIT_RAISED,
    source="BCB Resolution 142/2021: a raise takes effect after 24 to 48 hours",
    threat="Who empties an account needs a higher limit first.",
    at={AGE_MAX: 86_400},
    fires=({AGE: 86_399.0, PAID: 0.0},),
    silent=(
        {AGE: 86_400.0, PAID: 0.0},
        {AGE: 86_399.0, PAID: 1.0},
        {AGE: None, PAID: 0.0},
    ),
)

"""The key was claimed within the last week."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payee_key_key_claim_since_last_ever"
AGE_MAX = "rules.key_claimed.age_seconds.max"

RULE = Rule(
    name="key_claimed",
    condition=Field(AGE) < Parameter(AGE_MAX),
    parameters=(Key(AGE_MAX, Kind.COUNT),),
    reason=ReasonCode.KEY_OWNER_CHANGED,
    source="BCB Resolution 1/2020: claims and portability of keys",
    threat="A claim is the first step of taking a key over.",
    at={AGE_MAX: 604_800},
    fires=({AGE: 604_799.0},),
    silent=(
        {AGE: 604_800.0},
        {AGE: None},
    ),
)

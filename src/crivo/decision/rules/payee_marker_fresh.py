"""The payee was marked within the last day."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payee_person_fraud_marker_since_last_ever"
AGE_MAX = "rules.payee_marker_fresh.age_seconds.max"

RULE = Rule(
    name="payee_marker_fresh",
    condition=Field(AGE) < Parameter(AGE_MAX),
    parameters=(Key(AGE_MAX, Kind.COUNT),),
    reason=ReasonCode.PAYEE_MARKED,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="A campaign is at its height when its first marker is entered.",
    at={AGE_MAX: 86_400},
    fires=({AGE: 86_399.0},),
    silent=(
        {AGE: 86_400.0},
        {AGE: None},
    ),
)

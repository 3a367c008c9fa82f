"""Several transfers to the payee were contested in the last thirty days."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

CONTESTED = "payee_infraction_count_30d"
CONTESTED_MIN = "rules.payee_contested.infractions.min"

RULE = Rule(
    name="payee_contested",
    condition=Field(CONTESTED) >= Parameter(CONTESTED_MIN),
    parameters=(Key(CONTESTED_MIN, Kind.COUNT),),
    reason=ReasonCode.PAYEE_REPORTED,
    source="BCB Resolution 103/2021 (MED): funds of contested transfers are blocked and returned",
    threat="Victims' institutions contest before anybody has marked the payee.",
    at={CONTESTED_MIN: 2},
    fires=({CONTESTED: 2.0},),
    silent=(
        {CONTESTED: 1.5},
        {CONTESTED: None},
    ),
)

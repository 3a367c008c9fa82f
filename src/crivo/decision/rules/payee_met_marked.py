"""The payee has lately dealt with several accounts that accepted reports mark."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

MET = "payee_exposure_count_30d"
MET_MIN = "rules.payee_met_marked.accounts.min"

RULE = Rule(
    name="payee_met_marked",
    condition=Field(MET) >= Parameter(MET_MIN),
    parameters=(Key(MET_MIN, Kind.COUNT),),
    reason=ReasonCode.NETWORK_PROXIMITY_MARKED,
    source="BCB Circular 3978/2020: moves without an economic reason",
    threat="The accounts behind a mule receive from many mules.",
    at={MET_MIN: 3},
    fires=({MET: 3.0},),
    silent=(
        {MET: 2.25},
        {MET: None},
    ),
)

"""Several institutions have reported the payee."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

REPORTERS = "payee_person_reporters_m60_last_ever"
REPORTERS_MIN = "rules.payee_many_reporters.reporters.min"

RULE = Rule(
    name="payee_many_reporters",
    condition=Field(REPORTERS) >= Parameter(REPORTERS_MIN),
    parameters=(Key(REPORTERS_MIN, Kind.COUNT),),
    reason=ReasonCode.DICT_MULTI_REPORTER,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="One report may be a quarrel; those of several institutions are seldom one.",
    at={REPORTERS_MIN: 3},
    fires=({REPORTERS: 3.0},),
    silent=(
        {REPORTERS: 2.25},
        {REPORTERS: None},
    ),
)

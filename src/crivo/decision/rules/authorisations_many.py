"""The payee asked for very many authorisations within the day."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

ASKED = "payee_authorisation_count_24h"
ASKED_MIN = "rules.authorisations_many.authorisations.min"

RULE = Rule(
    name="authorisations_many",
    condition=Field(ASKED) >= Parameter(ASKED_MIN),
    parameters=(Key(ASKED_MIN, Kind.COUNT),),
    reason=ReasonCode.AUTO_REQUEST_EXCESS,
    source="BCB Resolution 587/2026: excess of requests is monitored",
    threat="False companies ask thousands and live on those who agree by mistake.",
    at={ASKED_MIN: 50},
    fires=({ASKED: 50.0},),
    silent=(
        {ASKED: 49.0},
        {ASKED: None},
    ),
)

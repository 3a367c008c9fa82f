"""The payer pays very many different payees within the hour."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

PAYEES = "payer_payee_distinct_1h"
PAYEES_MIN = "rules.payees_many.payees.min"

RULE = Rule(
    name="payees_many",
    condition=Field(PAYEES) >= Parameter(PAYEES_MIN),
    parameters=(Key(PAYEES_MIN, Kind.COUNT),),
    reason=ReasonCode.BURST_OUT,
    source="House rule",
    threat="An emptied account's money is spread over many mules within minutes.",
    at={PAYEES_MIN: 8},
    fires=({PAYEES: 8.0},),
    silent=(
        {PAYEES: 7.0},
        {PAYEES: None},
    ),
)

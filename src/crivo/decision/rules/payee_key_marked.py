"""The payee's key was marked in the last thirty days."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

MARKERS = "payee_key_fraud_marker_count_30d"

RULE = Rule(
    name="payee_key_marked",
    condition=Field(MARKERS) > 0,
    parameters=(),
    reason=ReasonCode.PAYEE_MARKED,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="A campaign goes on using the key it has spread until that is taken away.",
    at={},
    fires=({MARKERS: 1.0},),
    silent=(
        {MARKERS: 0.0},
        {MARKERS: None},
    ),
)

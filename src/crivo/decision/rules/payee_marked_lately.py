"""The directory tells of fraud markers of the payee in the last ninety days."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

MARKERS = "payee_person_markers_d90_last_ever"

RULE = Rule(
    name="payee_marked_lately",
    condition=Field(MARKERS) > 0,
    parameters=(),
    reason=ReasonCode.PAYEE_MARKED,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="Who was marked by other institutions goes on receiving at the next one.",
    at={},
    fires=({MARKERS: 1.0},),
    silent=(
        {MARKERS: 0.0},
        {MARKERS: None},
    ),
)

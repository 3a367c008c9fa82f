"""The directory tells of several fraud markers of the payee in the last sixty months."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

MARKERS = "payee_person_markers_m60_last_ever"
MARKERS_MIN = "rules.payee_marked_often.markers.min"

RULE = Rule(
    name="payee_marked_often",
    condition=Field(MARKERS) >= Parameter(MARKERS_MIN),
    parameters=(Key(MARKERS_MIN, Kind.COUNT),),
    reason=ReasonCode.PAYEE_MARKED,
    source="BCB Resolution 403/2024: the directory's fraud data must be used",
    threat="Professional mules are marked again and again, with pauses in between.",
    at={MARKERS_MIN: 3},
    fires=({MARKERS: 3.0},),
    silent=(
        {MARKERS: 2.25},
        {MARKERS: None},
    ),
)

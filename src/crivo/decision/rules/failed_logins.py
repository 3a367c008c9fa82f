"""Several log-ins failed within the hour."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

FAILED = "payer_failed_login_count_1h"
FAILED_MIN = "rules.failed_logins.logins.min"

RULE = Rule(
    name="failed_logins",
    condition=Field(FAILED) >= Parameter(FAILED_MIN),
    parameters=(Key(FAILED_MIN, Kind.COUNT),),
    reason=ReasonCode.ACCESS_UNUSUAL,
    source="BCB Resolution 403/2024: security of Pix, devices and customers",
    threat="A password is guessed, or its owner no longer knows the one that was changed.",
    at={FAILED_MIN: 5},
    fires=({FAILED: 5.0},),
    silent=(
        {FAILED: 4.0},
        {FAILED: None},
    ),
)

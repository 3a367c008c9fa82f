"""A credential was reset within the day, and the payee is new."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

AGE = "payer_credential_reset_since_last_ever"
PAID = "pair_transfer_count_30d"
AGE_MAX = "rules.after_credential_reset.age_seconds.max"

RULE = Rule(
    name="after_credential_reset",
    condition=(Field(AGE) < Parameter(AGE_MAX)) & Field(PAID).equals(0),
    parameters=(Key(AGE_MAX, Kind.COUNT),),
    reason=ReasonCode.AFTER_CREDENTIAL_RESET,
    source="BCB Resolution 403/2024: security of Pix, devices and customers",
    threat="An account is taken over by a new password, then emptied.",
    at={AGE_MAX: 86_400},
    fires=({AGE: 86_399.0, PAID: 0.0},),
    silent=(
        {AGE: 86_400.0, PAID: 0.0},
        {AGE: 86_399.0, PAID: 1.0},
        {AGE: None, PAID: 0.0},
    ),
)

"""The key is an old one with a new owner."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

OWNED = "payee_key_key_owned_age_ever"
CREATED = "payee_key_key_created_age_ever"
AMOUNT = "transfer_amount_value_now"
OWNED_MAX = "rules.key_owner_changed.age_seconds.max"
CREATED_MIN = "rules.key_owner_changed.created_seconds.min"
AMOUNT_MIN = "rules.key_owner_changed.amount.min"

RULE = Rule(
    name="key_owner_changed",
    condition=(Field(OWNED) < Parameter(OWNED_MAX))
    & (Field(CREATED) >= Parameter(CREATED_MIN))
    & (Field(AMOUNT) >= Parameter(AMOUNT_MIN)),
    parameters=(
        Key(OWNED_MAX, Kind.COUNT),
        Key(CREATED_MIN, Kind.COUNT),
        Key(AMOUNT_MIN, Kind.MONEY),
    ),
    reason=ReasonCode.KEY_OWNER_CHANGED,
    source="BCB Resolution 1/2020: claims and portability of keys",
    threat="A stolen line takes its owner's key along, and those who know the key pay the thief.",
    at={OWNED_MAX: 604_800, CREATED_MIN: 2_592_000, AMOUNT_MIN: 20_000},
    fires=({OWNED: 604_799.0, CREATED: 2_592_000.0, AMOUNT: 20_000.0},),
    silent=(
        {OWNED: 604_800.0, CREATED: 2_592_000.0, AMOUNT: 20_000.0},
        {OWNED: 604_799.0, CREATED: 2_591_999.0, AMOUNT: 20_000.0},
        {OWNED: 604_799.0, CREATED: 2_592_000.0, AMOUNT: 19_999.0},
        {OWNED: None, CREATED: 2_592_000.0, AMOUNT: 20_000.0},
    ),
)

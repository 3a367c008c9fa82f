"""Many transfers leave the payer's account within an hour."""

from __future__ import annotations

from crivo.decision.policy import Key, Kind
from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field, Parameter

TRANSFERS = "payer_transfer_count_1h"
TRANSFERS_MIN = "rules.burst_out.transfers.min"

RULE = Rule(
    name="burst_out",
    condition=Field(TRANSFERS) >= Parameter(TRANSFERS_MIN),
    parameters=(Key(TRANSFERS_MIN, Kind.COUNT),),
    reason=ReasonCode.BURST_OUT,
    source="STJ, REsp 2.222.059/SP: operations at short intervals are a sign to act upon",
    threat="A fake call centre or a stolen telephone drains the account in many steps.",
    at={TRANSFERS_MIN: 12},
    fires=({TRANSFERS: 12.0}, {TRANSFERS: 90.0}),
    silent=({TRANSFERS: 11.0}, {TRANSFERS: 0.0}, {TRANSFERS: None}),
)

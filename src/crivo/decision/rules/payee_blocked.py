"""Receipts of the payee were blocked as a precaution in the last thirty days."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.rule import Rule
from crivo.features.expression import Field

BLOCKS = "payee_block_count_30d"

RULE = Rule(
    name="payee_blocked",
    condition=Field(BLOCKS) > 0,
    parameters=(),
    reason=ReasonCode.PAYEE_REPORTED,
    source="BCB Resolution 147/2021: precautionary block",
    threat="An account that was stopped once tries again.",
    at={},
    fires=({BLOCKS: 1.0},),
    silent=(
        {BLOCKS: 0.0},
        {BLOCKS: None},
    ),
)

"""A call was in progress while paying."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "call_in_progress",
    "payer_call_in_progress_last_ever",
    reason=ReasonCode.CALL_IN_PROGRESS,
    threat="Victims are led by telephone, step by step.",
    age_seconds_max=900,
)

"""Something lay over the screen."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "screen_overlaid",
    "payer_screen_overlaid_last_ever",
    reason=ReasonCode.REMOTE_ACCESS,
    threat="A false screen hides what is really confirmed.",
    age_seconds_max=900,
)

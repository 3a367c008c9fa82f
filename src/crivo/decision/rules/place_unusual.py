"""The transfer comes from far away."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "place_unusual",
    "payer_place_unusual_last_ever",
    reason=ReasonCode.GEO_IMPOSSIBLE,
    threat="The device is where its owner never pays.",
    age_seconds_max=900,
)

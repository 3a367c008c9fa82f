"""The place that the device tells is a false one."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "place_false",
    "payer_mock_location_last_ever",
    reason=ReasonCode.GEO_IMPOSSIBLE,
    threat="Who pretends to be where the victim lives has a reason.",
    age_seconds_max=86_400,
)

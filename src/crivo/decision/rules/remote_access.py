"""Somebody had access to the device from afar."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "remote_access",
    "payer_remote_access_last_ever",
    reason=ReasonCode.REMOTE_ACCESS,
    threat="A false support desk works the victim's telephone.",
    age_seconds_max=900,
)

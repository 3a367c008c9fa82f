"""The device is rooted, emulated or not genuine."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "device_compromised",
    "payer_compromised_last_ever",
    reason=ReasonCode.DEVICE_COMPROMISED,
    threat="Stolen accounts are run on emulators, dozens at a time.",
    age_seconds_max=86_400,
)

"""The receiver of the scanned code is not the merchant shown."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.decision.signal import signal_rule

RULE = signal_rule(
    "code_payee_mismatched",
    "payer_receiver_mismatched_last_ever",
    reason=ReasonCode.QR_PAYEE_MISMATCH,
    threat="A sticker over the shop's code pays somebody else.",
    age_seconds_max=900,
)

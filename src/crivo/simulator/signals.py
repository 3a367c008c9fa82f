"""What the payer's institution could notice about a payment besides its facts, one bit each."""

from __future__ import annotations

from enum import IntFlag


class Signal(IntFlag):
    """Noticed at the payer's side when the payment was asked for; absent means not noticed.

    None proves fraud: honest people are on the telephone too, change devices and raise limits.
    """

    CALL_IN_PROGRESS = 1
    REMOTE_ACCESS = 1 << 1  # a remote-access or accessibility service steers the screen
    DEVICE_COMPROMISED = 1 << 2  # rooted, emulated, or its app fails the integrity check
    NEW_DEVICE = 1 << 3  # registered less than a day ago, or not at all
    CREDENTIAL_RESET = 1 << 4  # password or second factor set anew less than a day ago
    LIMIT_RAISED = 1 << 5  # asked for within the day
    LOAN_TAKEN = 1 << 6  # disbursed within the day
    KEY_PASTED = 1 << 7  # the key or code was pasted, not chosen or scanned
    RECEIVER_MISMATCH = 1 << 8  # the code's receiver is not the merchant that was shown
    UNUSUAL_PLACE = 1 << 9  # far from where this person pays

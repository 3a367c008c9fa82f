"""What a fraudster may change when payments are refused; a typology names those it can."""

from __future__ import annotations

from enum import StrEnum


class Lever(StrEnum):
    """One way to look more ordinary."""

    AMOUNT = "amount"  # ask for less
    HOUR = "hour"  # come by day, when the victim's institution is used to payments
    PAYEE_AGE = "payee_age"  # have an older account receive
    DEVICE = "device"  # act from the victim's own device
    PACE = "pace"  # leave more time between payments

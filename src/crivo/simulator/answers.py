"""What a bank may answer to an order to pay."""

from __future__ import annotations

from enum import IntEnum


class Answer(IntEnum):
    """What a policy answers, from the mildest to the strictest."""

    ALLOW = 0
    WARN = 1
    STEP_UP = 2
    HOLD = 3
    REJECT = 4

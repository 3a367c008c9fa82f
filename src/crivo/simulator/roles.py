"""What a transfer is for in its campaign: part of the truth, never of what a bank knows."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """The part that a transfer plays; ORDINARY is no part of any campaign."""

    ORDINARY = 0
    VICTIM = 1  # the person who is robbed pays, or somebody pays in their name
    REWARD = 2  # the fraudster pays the victim: a bait
    MULE = 3  # a mule passes money on to another
    EXIT = 4  # the money leaves: betting, crypto assets, a purchase, cash, an own account
    RENT = 5  # what the holder of a lent account gets
    HUB = 6  # one of many small payments to an account that is soon replaced
    ABUSE = 7  # an honest purchase whose payer will claim that it was fraud

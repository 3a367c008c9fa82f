"""The nature of a transfer: which kind of holder pays which kind of holder."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class Owner(IntEnum):
    """Who holds an account."""

    PERSON = 0
    BUSINESS = 1
    GOVERNMENT = 2


class Nature(StrEnum):
    """Payer's kind to payee's kind, as the regulator's tables write it.

    The place of a nature among the members is 3 x the payer's kind + the payee's kind.
    """

    P2P = "P2P"
    P2B = "P2B"
    P2G = "P2G"
    B2P = "B2P"
    B2B = "B2B"
    B2G = "B2G"
    G2P = "G2P"
    G2B = "G2B"
    G2G = "G2G"


NATURES: Final = tuple(Nature)


def place_of(nature: Nature) -> int:
    """The place of that nature in NATURES."""
    return NATURES.index(nature)

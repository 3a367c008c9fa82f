"""Invented institutions whose sizes are those of the market.

The ten largest shares of keys and their sum (79 %) are official; the rest is a tail of small ones.
The ISPBs begin with `SIM`: valid in form, and no institution has or had one, so that no figure of a
simulated world says anything about a real one.
"""

from __future__ import annotations

from typing import Final

#: Thousandths of accounts: the ten largest institutions, then a tail of sixteen.
# fmt: off
SHARES: Final = (
    189, 133, 101, 76, 59, 59, 52, 42, 41, 37, 28, 26, 22, 20, 18, 16, 15, 13, 11, 10, 9, 7, 6, 5,
    3, 2,
)
# fmt: on

ISPBS: Final = tuple(f"SIM{place:05d}" for place in range(1, len(SHARES) + 1))

#: Where fraudsters open accounts: the largest are watched best, the smaller digital ones least.
FRAUD_SHARES: Final = tuple(
    share // 2 if place < 3 else share * 3 // 2 for place, share in enumerate(SHARES)
)

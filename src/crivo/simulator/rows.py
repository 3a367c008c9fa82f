"""The rows of the world before they have names: integers that point at accounts and devices."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.transfer import Initiation, Purpose
from crivo.simulator.draws import Draws, Int64s, cumulated

Rows = npt.NDArray[np.void]

#: Written where a row has no device, typology, campaign or instant.
NONE: Final = -1

INITIATIONS: Final = tuple(Initiation)
PURPOSES: Final = tuple(Purpose)

#: An account's devices are numbered account * 4 + slot.
DEVICE_SLOTS: Final = 4

ROW: Final = np.dtype(
    [
        ("occurred_at", "<i8"),  # instant, microseconds since 1970 UTC
        ("amount_centavos", "<i8"),
        ("payer", "<i8"),  # account number of the town
        ("payee", "<i8"),
        ("device", "<i8"),  # account * DEVICE_SLOTS + slot, or NONE
        ("initiation", "<i1"),  # place in INITIATIONS
        ("purpose", "<i1"),  # place in PURPOSES
        ("typology", "<i1"),  # place among the world's typologies, or NONE: not a fraud
        ("hop", "<i1"),  # 1: paid by a victim; 2 and more: passed on by a mule; 0: not a fraud
        ("role", "<i1"),  # a Role: what the transfer is for in its campaign; 0: part of none
        ("campaign", "<i4"),  # or NONE; one with NONE as typology goes with a fraud and is none
        ("contested_at", "<i8"),  # when somebody claimed that it was fraud, or NONE
        ("settled_at", "<i8"),  # when the claim was accepted or rejected, or NONE
        ("accepted", "?"),  # what became of the claim
        ("signals", "<i4"),  # bits of Signal
        ("recovery", "<i1"),  # a Recovery: what became of the money of an accepted claim
        ("returned_centavos", "<i8"),  # what of it came back
        ("block", "<i1"),  # a Block: whether the payee's institution froze it, and how that ended
        ("block_ended_at", "<i8"),  # when it was released or returned, or NONE
        ("answer", "<i1"),  # an Answer: what the payer's institution said in a play; else ALLOW
        ("stopped", "?"),  # whether it went no further, in a play
    ]
)


def make_rows(occurred_at: Int64s, amounts: Int64s, payers: Int64s, payees: Int64s) -> Rows:
    """Rows with these facts, paid by the payer's usual device by key, honest and not contested."""
    rows = np.zeros(len(occurred_at), dtype=ROW)
    rows["occurred_at"] = occurred_at
    rows["amount_centavos"] = amounts
    rows["payer"] = payers
    rows["payee"] = payees
    rows["device"] = payers * DEVICE_SLOTS
    rows["initiation"] = INITIATIONS.index(Initiation.DICT)
    rows["purpose"] = PURPOSES.index(Purpose.IPAY)
    for column in ("typology", "campaign", "contested_at", "settled_at", "block_ended_at"):
        rows[column] = NONE
    return rows


def no_rows() -> Rows:
    """An empty table."""
    return np.zeros(0, dtype=ROW)


def draw_initiations(draws: Draws, count: int, mix: dict[Initiation, int]) -> Int64s:
    """`count` places in INITIATIONS, drawn by the weights of the mix."""
    weights = tuple(mix.get(initiation, 0) for initiation in INITIATIONS)
    return draws.chosen(cumulated(weights), count)

"""Precautionary blocks: the payee's institution credits, freezes, and returns or releases.

The policy is naive, as the figures of April 2026 show the real one to be: it freezes large
receipts and some of many small ones. Of 100,000 transfers 10 are frozen (official: 10.5); a fifth
of them is returned (29 %), and one or two hundredths of the value (2 %).
Whoever had the money back that way contests nothing: those frauds stay silent.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.rows import NONE, Rows


class Block(IntEnum):
    """Whether a receipt was frozen, and how that ended."""

    NONE = 0
    RELEASED = 1
    RETURNED = 2


#: From here on a receipt is large.
_LARGE_CENTAVOS: Final = 200_000
#: Of the silent frauds below this, thousandths that were frozen and returned.
_CAUGHT_BELOW_CENTAVOS: Final = 300_000
_RETURNED_PER_MILLE: Final = 900
#: Of a million honest transfers, those that are frozen; at the least so many for each right block,
#: in thousandths, where frauds are enriched.
_HONEST_OF_MILLION: Final = 82
_HONEST_PER_MILLE_OF_RIGHT: Final = 500
#: Of the frozen honest receipts, thousandths that are large.
_LARGE_PER_MILLE: Final = 900
#: The law's limit, and how soon an institution decides.
_HOURS_MAX: Final = 72
_SOONEST: Final = 20 * MINUTE


def honest_blocks_of_million(right: int, honest: int) -> int:
    """How many of a million honest transfers are frozen, given the frauds that were."""
    enriched = right * _HONEST_PER_MILLE_OF_RIGHT * 1000 // max(1, honest)
    return max(_HONEST_OF_MILLION, enriched)


def block_frauds(draws: Draws, frauds: Rows) -> None:
    """Freezes and returns some of the frauds that nobody contests."""
    small = frauds["amount_centavos"] < _CAUGHT_BELOW_CENTAVOS
    silent = np.flatnonzero(small & (frauds["contested_at"] == NONE) & (frauds["typology"] != NONE))
    caught = silent[draws.quota(np.full(len(silent), _RETURNED_PER_MILLE))]
    _write(draws, frauds, caught, Block.RETURNED)


def block_honest(draws: Draws, rows: Rows, of_million: int) -> None:
    """Freezes and releases some of a day's honest receipts, large ones foremost."""
    large = rows["amount_centavos"] >= _LARGE_CENTAVOS
    wanted = len(rows) * of_million
    for these, part in ((large, _LARGE_PER_MILLE), (~large, 1000 - _LARGE_PER_MILLE)):
        places = np.flatnonzero(these & (rows["typology"] == NONE))
        count = (wanted * part + 1000 * draws.one(0, 1_000_000)) // 1_000_000_000
        frozen = draws.shuffled(places)[:count]
        _write(draws, rows, frozen, Block.RELEASED)


def _write(draws: Draws, rows: Rows, frozen: Int64s, ending: Block) -> None:
    rows["block"][frozen] = ending
    spans = draws.spans(_SOONEST, _HOURS_MAX * HOUR, len(frozen))
    rows["block_ended_at"][frozen] = rows["occurred_at"][frozen] + spans

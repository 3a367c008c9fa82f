"""Cash by Pix at a shop: withdrawals (Saque) and change above a purchase (Troco).

Source: official aggregates of July 2026: 0.012 % of all transfers are withdrawals, R$ 322 in the
mean, and change is next to nothing. Honest ones are payments to shops of what notes make up, chosen
by what they move, so that no sum of the world changes; their mean comes near, and is no quota.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.transfer import Initiation, Purpose
from crivo.simulator.draws import Draws, cumulated
from crivo.simulator.natures import Nature, place_of
from crivo.simulator.people import Town, natures
from crivo.simulator.rows import INITIATIONS, PURPOSES, Rows

WITHDRAWAL: Final = PURPOSES.index(Purpose.OTHR)
CHANGE: Final = PURPOSES.index(Purpose.GSCB)

#: Of a million transfers, withdrawals and purchases with change (the latter an assumption).
_WITHDRAWALS: Final = 120
_CHANGES: Final = 8

#: The least note that is handed out, and the least and greatest withdrawal, in centavos. The cap by
#: norm is R$ 3,000 by day and R$ 1,000 by night: nobody goes beyond the lesser.
_NOTE: Final = 10_00
_LEAST: Final = 100_00
_MOST: Final = 1_000_00

_BY_CODE: Final = tuple(INITIATIONS.index(one) for one in (Initiation.QRES, Initiation.QRDN))


def hand_out(draws: Draws, town: Town, rows: Rows) -> None:
    """Writes the purpose of the honest payments that are for cash."""
    at_shops = np.isin(rows["initiation"], _BY_CODE) & (natures(town, rows) == place_of(Nature.P2B))
    amounts = rows["amount_centavos"]
    fits = at_shops & (amounts >= _LEAST) & (amounts <= _MOST)
    whole = fits & (amounts % _NOTE == 0)
    for purpose, could, of_million in (
        (CHANGE, fits, _CHANGES),
        (WITHDRAWAL, whole, _WITHDRAWALS),
    ):
        places = np.flatnonzero(could)
        sure, rest = divmod(len(rows) * of_million, 1_000_000)
        count = sure + (draws.one(0, 1_000_000) < rest)
        if len(places):
            weights = cumulated(amounts[places] // _NOTE)
            rows["purpose"][places[draws.chosen(weights, count)]] = purpose


def notes_of(amount: int) -> int:
    """What of a sum (centavos) a shop hands out in notes at once."""
    return min(amount, _MOST) // _NOTE * _NOTE

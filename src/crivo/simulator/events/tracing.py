"""Follows the money of a contested payment: the transfers that its receivers made with it."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.simulator.draws import Int64s
from crivo.simulator.rows import NONE, Rows

#: Recoveries are mandatory from that day on.
RECOVERIES_SINCE: Final = (dt.date(2026, 2, 2) - dt.date(1970, 1, 1)).days * DAY - BRASILIA_OFFSET
#: The directory's parameters: what is too small to follow, how many payments, how many hops.
_LEAST_CENTAVOS: Final = 200_00
_MOST: Final = 5
_HOPS: Final = 2


class Trails:
    """What campaigns pass on, by campaign and time."""

    def __init__(self, frauds: Rows) -> None:
        passed_on = frauds[(frauds["hop"] > 1) & ~frauds["stopped"]]
        self._rows = passed_on[np.argsort(passed_on["campaign"], kind="stable")]

    def found(self, contested: Rows, until: Int64s) -> Int64s:
        """How many payments after each contested one are found before an instant, at most five.

        Followed are payments of R$ 200 and more, two hops far, from where the money arrived.
        """
        counts = np.zeros(len(contested), dtype=np.int64)
        campaigns = self._rows["campaign"]
        for place in np.flatnonzero(contested["campaign"] != NONE).tolist():
            root = contested[place]
            first, last = np.searchsorted(campaigns, (root["campaign"], root["campaign"] + 1))
            mine = self._rows[first:last]
            mine = mine[(mine["occurred_at"] > root["occurred_at"])]
            mine = mine[mine["occurred_at"] < until[place]]
            counts[place] = _followed(mine, int(root["payee"]))
        return counts


def _followed(rows: Rows, account: int) -> int:
    """How many of these payments, in time order, lead on from that account."""
    reached, count = {account: 0}, 0
    for row in rows[rows["amount_centavos"] >= _LEAST_CENTAVOS]:
        hop = reached.get(int(row["payer"]))
        if hop is None or hop >= _HOPS:
            continue
        reached.setdefault(int(row["payee"]), hop + 1)
        count += 1
        if count == _MOST:
            break
    return count

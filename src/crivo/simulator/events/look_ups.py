"""Questions to the directory: before payments by key, and some after which nobody paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.timing import MILLISECOND, lead
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, Rows

#: Questions without a payment for each thousand with one, and of those the ones about no key.
WITHOUT_PAYMENT_PER_MILLE: Final = 80
NOT_FOUND_PER_MILLE: Final = 250

_BEFORE: Final = (300 * MILLISECOND, 25 * SECOND)
_EARLIER: Final = (30 * SECOND, 20 * MINUTE)


@dataclass(frozen=True, slots=True)
class LookUps:
    """One entry a question, in time order."""

    at: Int64s
    payers: Int64s
    payees: Int64s  # whose key it was; of no account where nothing was found
    found: Bools
    rows: Int64s  # place of the transfer that followed among the day's, or NONE


def ask(day: Day, draws: Draws, rows: Rows, asks: Bools) -> LookUps:
    """The questions of a day: one for each transfer that needs one, and idle ones."""
    paid = np.flatnonzero(asks)
    idle = paid[draws.chance(WITHOUT_PAYMENT_PER_MILLE, len(paid))]
    others = rows["payee"][draws.shuffled(idle)]
    at = np.concatenate(
        [
            lead(rows["occurred_at"][paid], day.start, draws.spans(*_BEFORE, len(paid))),
            lead(rows["occurred_at"][idle], day.start, draws.spans(*_EARLIER, len(idle))),
        ]
    )
    found = np.ones(len(at), dtype=np.bool_)
    found[len(paid) :] = ~draws.chance(NOT_FOUND_PER_MILLE, len(idle))
    order = np.argsort(at, kind="stable")
    followed = np.concatenate([paid, np.full(len(idle), NONE, dtype=np.int64)])
    return LookUps(
        at=at[order],
        payers=np.concatenate([rows["payer"][paid], rows["payer"][idle]])[order],
        payees=np.concatenate([rows["payee"][paid], others])[order],
        found=found[order],
        rows=followed[order],
    )

"""Questions to the directory: before payments by key, some after which nobody paid, and scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.restricted import Restricted
from crivo.simulator.events.timing import lead
from crivo.simulator.facts import Facts
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, Rows

#: Questions without a payment for each thousand with one, and of those the ones about no key.
WITHOUT_PAYMENT_PER_MILLE: Final = 80
NOT_FOUND_PER_MILLE: Final = 250

_BEFORE: Final = (300 * MILLISECOND, 25 * SECOND)
_BURST: Final = 3 * MINUTE
_EARLIER: Final = (30 * SECOND, 20 * MINUTE)


@dataclass(frozen=True, slots=True)
class LookUps:
    """One entry a question, in time order."""

    at: Int64s
    payers: Int64s
    payees: Int64s  # whose key it was; of no account where nothing was found
    found: Bools
    rows: Int64s  # place of the transfer that followed among the day's, or NONE
    restrictions: Int64s  # place in RESTRICTIONS of why nothing is told, or NONE

    @property
    def told(self) -> Bools:
        """Whether the answer was an entry."""
        return self.found & (self.restrictions == NONE)


def ask(
    day: Day,
    draws: Draws,
    rows: Rows,
    asks: Bools,
    scans: Facts,
    persons: int,
    restricted: Restricted,
) -> LookUps:
    """The questions of a day: one for each transfer that needs one, idle ones, and scans.

    `persons` is how many accounts a scan may hit, from 0. Some idle ones ask about who is
    restricted.
    """
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
    followed = np.concatenate([paid, np.full(len(idle), NONE, dtype=np.int64)])
    others, reasons = restricted.asked(day, others, found[len(paid) :])
    asked = LookUps(
        at=at,
        payers=np.concatenate([rows["payer"][paid], rows["payer"][idle]]),
        payees=np.concatenate([rows["payee"][paid], others]),
        found=found,
        rows=followed,
        restrictions=np.concatenate([np.full(len(paid), NONE, dtype=np.int64), reasons]),
    )
    return _in_order(asked, _scanned(day, draws, scans, persons))


def _scanned(day: Day, draws: Draws, scans: Facts, persons: int) -> LookUps:
    """One question for each key of a burst, within minutes; the missing ones spread evenly."""
    counts = scans["count"].astype(np.int64)
    of = np.repeat(np.arange(len(scans)), counts)
    place = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    hits = (scans["count"] - scans["missing"]).astype(np.int64)[of]
    at = scans["occurred_at"][of] + draws.spans(0, _BURST, len(of))
    return LookUps(
        at=np.minimum(at, day.end - MILLISECOND),
        payers=scans["account"][of],
        payees=draws.below(persons, len(of)),
        found=place * hits // counts[of] != (place + 1) * hits // counts[of],
        rows=np.full(len(of), NONE, dtype=np.int64),
        restrictions=np.full(len(of), NONE, dtype=np.int64),
    )


def _in_order(*parts: LookUps) -> LookUps:
    at = np.concatenate([part.at for part in parts])
    order = np.argsort(at, kind="stable")
    return LookUps(
        at=at[order],
        payers=np.concatenate([part.payers for part in parts])[order],
        payees=np.concatenate([part.payees for part in parts])[order],
        found=np.concatenate([part.found for part in parts])[order],
        rows=np.concatenate([part.rows for part in parts])[order],
        restrictions=np.concatenate([part.restrictions for part in parts])[order],
    )

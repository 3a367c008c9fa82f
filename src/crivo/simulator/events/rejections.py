"""Why attempts are rejected, and which payments follow an attempt that was.

Whoever is rejected may try again, honest or not: so that no rejection says what its payer is. How
often honest attempts fail is the only figure published (failures of 2020). That frauds are refused
more often, by limits, for want of money, and by the suspicion of either side's institution, is an
assumption; what it rests on are the rules that ask for it (Res. BCB 501/2025; night and device
limits).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.draws import Bools, Draws, Int64s, cumulated
from crivo.simulator.events.timing import lead
from crivo.simulator.played import clear_stopped
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import DEVICE_SLOTS, INITIATIONS, NONE, Rows

#: Failures of 2020, the only ones published: half a percent of key payments, ten of typed ones.
REJECTED_BY_KEY_PER_MILLE: Final = 5
REJECTED_BY_HAND_PER_MILLE: Final = 98
#: Thousandths of those after which the payer tries again, and is let through (an assumption).
TRIED_AGAIN_PER_MILLE: Final = 600

#: Codes of the settlement system and their weights: for payments by key, for typed ones, and for
#: what victims and mules try.
REASONS: Final = (
    "AB03", "AB09", "AC03", "AC06", "AC07", "AC14", "AM02", "AM04", "BE01", "DS04", "ED05", "FRAD",
)  # fmt: skip
BY_KEY: Final = (120, 50, 10, 80, 60, 10, 150, 350, 20, 50, 60, 40)
BY_HAND: Final = (40, 10, 420, 20, 100, 60, 50, 110, 140, 10, 30, 10)
BY_VICTIMS: Final = (20, 10, 5, 50, 40, 5, 380, 150, 5, 10, 15, 310)
BY_MULES: Final = (20, 10, 5, 90, 50, 5, 180, 280, 5, 10, 15, 330)
#: Thousandths of what victims pay, and of what mules pass on, that were refused once before for
#: other things than befall everybody (assumptions).
VICTIMS_REFUSED_PER_MILLE: Final = 120
MULES_REFUSED_PER_MILLE: Final = 90

TIMED_OUT: Final = REASONS.index("AB03")
OVER_LIMIT: Final = REASONS.index("AM02")
NO_BALANCE: Final = REASONS.index("AM04")
SUSPECTED: Final = REASONS.index("FRAD")

#: The rail has said no by then, be it that time ran out.
_TRIED_BEFORE: Final = (45 * SECOND, 4 * MINUTE)
#: What was above a limit was so many percent of what is paid then.
_ABOVE_PERCENT: Final = (110, 201)
#: The devices that an account has from before the world: others have caps of their own.
_OLD_SLOTS: Final = 2


def rejected_per_mille(by_hand: Bools) -> Int64s:
    """How many of a thousand attempts fail, whoever makes them."""
    return np.where(by_hand, REJECTED_BY_HAND_PER_MILLE, REJECTED_BY_KEY_PER_MILLE)


def reasons_of(draws: Draws, by_hand: Bools) -> Int64s:
    """Why each attempt fails that fails for what befalls everybody."""
    count = len(by_hand)
    typed, keyed = draws.chosen(cumulated(BY_HAND), count), draws.chosen(cumulated(BY_KEY), count)
    return np.where(by_hand, typed, keyed)


def tried_before(draws: Draws, day: Day, rows: Rows, persons: int) -> tuple[Rows, Int64s]:
    """Attempts that were rejected some minutes before some of the day's transfers, and why.

    They are what their transfer is, a fraud of the same campaign or honest, and nobody contests
    them: no money moved. Of the victims' some are those of another victim, one of the accounts
    below `persons`, who did not try again.
    """
    count = len(rows)
    by_hand = rows["initiation"] == INITIATIONS.index(Initiation.MANU)
    steals, passes_on = rows["hop"] == 1, rows["hop"] > 1
    often = np.select([steals, passes_on], [VICTIMS_REFUSED_PER_MILLE, MULES_REFUSED_PER_MILLE], 0)
    suspicious = draws.chance(often, count)
    again = rejected_per_mille(by_hand) * TRIED_AGAIN_PER_MILLE // 100
    ordinary = draws.below(10_000, count) < again
    reasons = np.select(
        [suspicious & steals, suspicious & passes_on],
        [draws.chosen(cumulated(BY_VICTIMS), count), draws.chosen(cumulated(BY_MULES), count)],
        reasons_of(draws, by_hand),
    )
    of = np.flatnonzero((suspicious | ordinary) & _may_be_tried(rows))
    tried, reasons = rows[of], reasons[of]
    tried["occurred_at"] = lead(
        rows["occurred_at"][of], day.start, draws.spans(*_TRIED_BEFORE, len(of))
    )
    more = tried["amount_centavos"] * draws.between(*_ABOVE_PERCENT, len(of)) // 100
    above = reasons == OVER_LIMIT
    tried["amount_centavos"] = np.where(above, more, tried["amount_centavos"])
    gives_up = (suspicious & steals)[of] & ~draws.chance(TRIED_AGAIN_PER_MILLE, len(of))
    others = draws.below(persons, len(of))
    gives_up &= others != tried["payee"]
    tried["payer"][gives_up] = others[gives_up]
    tried["device"][gives_up] = others[gives_up] * DEVICE_SLOTS
    tried["stopped"] = True
    clear_stopped(tried)
    tried["stopped"] = False
    return tried, reasons


def _may_be_tried(rows: Rows) -> Bools:
    """Which somebody makes by hand, on a device that is not new, and that arrived in a play."""
    automatic = rows["initiation"] == INITIATIONS.index(Initiation.AUTO)
    devices = rows["device"]
    old = (devices // DEVICE_SLOTS == rows["payer"]) & (devices % DEVICE_SLOTS < _OLD_SLOTS)
    return np.asarray(~automatic & (old | (devices == NONE)) & ~rows["stopped"])

"""What the rail did with each attempt of a day: settled, rejected with its code, or cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR, MINUTE, SECOND
from crivo.domain.transfer import Initiation
from crivo.simulator.amounts import drawn, lognormal
from crivo.simulator.answers import Answer
from crivo.simulator.blocks import Block
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.orders import Attempts
from crivo.simulator.events.rejections import (
    NO_BALANCE,
    OVER_LIMIT,
    SUSPECTED,
    TIMED_OUT,
    TRIED_AGAIN_PER_MILLE,
    reasons_of,
    rejected_per_mille,
)
from crivo.simulator.events.timing import soon
from crivo.simulator.grain import MILLISECOND
from crivo.simulator.rows import INITIATIONS, NONE, Rows

#: Of payments by key or by hand, thousandths that were scheduled for the day (an assumption).
SCHEDULED_PER_MILLE: Final = 8
#: Of scheduled payments, thousandths that the payer takes back.
CANCELLED_PER_MILLE: Final = 40

#: From acceptance to settlement: median 2.8 s, 99 % within 4.6 s; inside one institution at once.
_SPI: Final = (2_800, 21)
_SAME_PSP_MS: Final = (50, 400)
_TIMEOUT: Final = 40 * SECOND
#: In ten thousand orders between institutions, those that are held under analysis where the payer's
#: noticed nothing, one thing, or more; and how long, of the half-hour by day that the rail allows.
_ANALYSED_OF_10_000: Final = (5, 60, 300)
_ANALYSED_FOR: Final = (10 * SECOND, 3 * MINUTE)
#: How soon the payer's own institution refuses.
_REFUSED_AFTER: Final = 300 * MILLISECOND


class Outcome(IntEnum):
    """How an attempt ended."""

    SETTLED = 0
    REJECTED = 1
    CANCELLED = 2


@dataclass(frozen=True, slots=True)
class Settlement:
    """One entry an attempt of the day."""

    outcome: Int64s  # of Outcome
    at: Int64s  # when that was known
    reason: Int64s  # place in REASONS, or NONE
    scheduled: Bools
    sent: Bools  # whether the payer's institution let it out at all
    analysed: Bools  # whether it was held under analysis first

    @property
    def settled(self) -> Bools:
        """Whether money moved."""
        return self.outcome == Outcome.SETTLED


def settle_attempts(
    draws: Draws, analysis: Draws, attempts: Attempts, same_psp: Bools
) -> Settlement:
    """The end of each attempt: of a transfer by the rail, of an order by who stopped it.

    Frauds, and what is contested or frozen later, always settle: there was money to lose. What was
    tried before them, and rejected, is an attempt of its own.
    """
    by_rail = _by_rail(draws, analysis, attempts, same_psp)
    stopped, back_at = attempts.rows["stopped"], attempts.taken_back_at
    taken_back = back_at != NONE
    at = np.where(stopped, attempts.rows["occurred_at"] + _REFUSED_AFTER, by_rail.at)
    outcome = np.where(stopped, Outcome.REJECTED, by_rail.outcome)
    refused = stopped & ~taken_back
    return Settlement(
        outcome=np.where(taken_back, Outcome.CANCELLED, outcome),
        at=np.where(taken_back, back_at, at),
        reason=np.where(refused, _refusals(attempts), np.where(stopped, NONE, by_rail.reason)),
        scheduled=np.where(stopped, taken_back, by_rail.scheduled),
        sent=~stopped,
        analysed=by_rail.analysed & ~stopped,
    )


def _refusals(attempts: Attempts) -> Int64s:
    """Why the payer's institution would refuse each: a limit, suspicion, or nothing to pay with."""
    suspected = attempts.rows["answer"] >= Answer.STEP_UP
    return np.select([attempts.over_limit, suspected], [OVER_LIMIT, SUSPECTED], NO_BALANCE)


def _by_rail(draws: Draws, analysis: Draws, attempts: Attempts, same_psp: Bools) -> Settlement:
    rows = attempts.rows
    count = len(rows)
    initiation = rows["initiation"].astype(np.int64)
    by_hand = initiation == INITIATIONS.index(Initiation.MANU)
    automatic = initiation == INITIATIONS.index(Initiation.AUTO)
    by_key = initiation == INITIATIONS.index(Initiation.DICT)
    scheduled = automatic | ((by_hand | by_key) & draws.chance(SCHEDULED_PER_MILLE, count))
    may_fail = (rows["typology"] == NONE) & (rows["contested_at"] == NONE)
    may_fail &= rows["block"] == Block.NONE
    # Who tries again and comes through was rejected by an attempt of its own.
    odds = rejected_per_mille(by_hand) * (1000 - TRIED_AGAIN_PER_MILLE) // 100
    cancelled = may_fail & scheduled & ~automatic & draws.chance(CANCELLED_PER_MILLE, count)
    rejected = may_fail & ~cancelled & (draws.below(10_000, count) < odds)
    reason = reasons_of(draws, by_hand)
    is_try = attempts.rejected_for != NONE
    cancelled, rejected = cancelled & ~is_try, rejected | is_try
    reason = np.where(is_try, attempts.rejected_for, reason)
    delay = np.where(
        same_psp,
        soon(draws, *_SAME_PSP_MS, count),
        drawn(draws, lognormal(*_SPI), count) * MILLISECOND,
    )
    delay = np.where(rejected & (reason == TIMED_OUT), _TIMEOUT, delay)
    delay = np.where(cancelled, draws.spans(MINUTE, 2 * HOUR, count), delay)
    outcome = np.where(cancelled, Outcome.CANCELLED, np.where(rejected, Outcome.REJECTED, 0))
    analysed, held = _under_analysis(analysis, rows, (outcome == 0) & ~(scheduled | same_psp))
    return Settlement(
        outcome=outcome.astype(np.int64),
        at=rows["occurred_at"] + delay + held,
        reason=np.where(rejected, reason, NONE),
        scheduled=scheduled,
        sent=np.ones(count, dtype=np.bool_),
        analysed=analysed,
    )


def _under_analysis(draws: Draws, rows: Rows, may: Bools) -> tuple[Bools, Int64s]:
    """Which orders the payer's institution held, more where it noticed more, and for how long."""
    noticed = np.bitwise_count(rows["signals"].astype(np.uint32)).astype(np.int64)
    odds = np.asarray(_ANALYSED_OF_10_000, dtype=np.int64)
    chosen = draws.below(10_000, len(rows)) < odds[np.minimum(noticed, len(odds) - 1)]
    analysed = may & chosen
    return analysed, np.where(analysed, draws.spans(*_ANALYSED_FOR, len(rows)), 0)

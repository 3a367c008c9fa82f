"""The directory's statistics about who is paid, as old as their watermark says, never newer.

Windows and blocks are those of the DICT API 2.12: settlements received, fraud markers, infraction
reports. Each block is computed twice a day, at hours of its own; what is read is at most twelve
hours old, and of whom a block knows nothing the watermark is 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from crivo.domain.instant import HOUR
from crivo.simulator.draws import Int64s
from crivo.simulator.events.accounts import Accounts
from crivo.simulator.events.past import Past
from crivo.simulator.events.reported import Claims, Markers, Reported, Reports, Statistics
from crivo.simulator.events.tally import Tally
from crivo.simulator.events.windows import D90, M12, M60, date_of, month_of, window_dates
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE

#: How far apart two computations of a block lie, and how long after midnight this block's first is.
EVERY: Final = 12 * HOUR
SETTLEMENTS_PHASE: Final = 0


class Block(Protocol):
    """A part of the statistics that is computed at its own times."""

    phase: int

    def advance(self, until: int) -> None:
        """Takes in what happened before that instant."""

    def read(self, accounts: Int64s) -> Statistics:
        """The statistics of each account, or of its holder, as they were computed last."""


class Directory:
    """All blocks. A day is noted first (what will happen in it), and then read in time order."""

    def __init__(self, accounts: Accounts, past: Past) -> None:
        self._reported = Reported(accounts)
        self._settlements = Settlements(accounts, past)
        self._blocks: tuple[Block, ...] = (
            self._settlements,
            Markers(self._reported),
            Reports(self._reported),
        )

    def note_settlements(self, settled_at: Int64s, payees: Int64s) -> None:
        """Settled transfers, in any order, none before the day that is read next."""
        self._settlements.note(settled_at, payees)

    def note_claims(self, claims: Claims) -> None:
        """Claims about the day's transfers, made and decided at any later time."""
        self._reported.note(claims)

    def view(self, day: Day, at: Int64s, accounts: Int64s) -> Statistics:
        """What an answer at each instant (of that day, rising) says about each account."""
        found: Statistics = {}
        for block in self._blocks:
            found.update(_view(block, day, at, accounts))
        return found


def _view(block: Block, day: Day, at: Int64s, accounts: Int64s) -> Statistics:
    parts: list[Statistics] = []
    for computed_at, first, last in _segments(block.phase, day, at):
        block.advance(computed_at)
        parts.append(block.read(accounts[first:last]))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _segments(phase: int, day: Day, at: Int64s) -> Iterator[tuple[int, int, int]]:
    """(computation, first, last): the readings between one computation and the next."""
    first = day.midnight + phase - EVERY
    edges = [first + EVERY * step for step in range(3) if first + EVERY * step < day.end]
    # Of those before a shift the last one counts, which an earlier shift may have made already.
    edges = edges[max(sum(edge <= day.start for edge in edges) - 1, 0) :]
    bounds = [0, *np.searchsorted(at, edges[1:]).tolist(), len(at)]
    for step, edge in enumerate(edges):
        yield edge, bounds[step], bounds[step + 1]


class Settlements:
    """Transfers received: over 90 days, over 12 and 60 full months."""

    phase = SETTLEMENTS_PHASE

    def __init__(self, accounts: Accounts, past: Past) -> None:
        self._accounts = accounts
        self._past = past
        self._d90 = Tally(accounts.count, D90)
        self._m12 = Tally(accounts.count, M12)
        self._m60 = Tally(accounts.count, M60)
        self._this_month: list[Int64s] = []
        self._until = accounts.start
        self._month = month_of(accounts.start)
        self._at = np.zeros(0, dtype=np.int64)
        self._payees = np.zeros(0, dtype=np.int64)

    def note(self, settled_at: Int64s, payees: Int64s) -> None:
        """Settled transfers."""
        self._at = np.concatenate([self._at, settled_at])
        self._payees = np.concatenate([self._payees, payees])

    def advance(self, until: int) -> None:
        """Takes in what was settled before that instant."""
        is_due = self._at < until
        at, payees = self._at[is_due], self._payees[is_due]
        self._at, self._payees = self._at[~is_due], self._payees[~is_due]
        if len(at):
            # Computations lie half a day apart and one of them at midnight: one date, one month.
            self._turn_month(month_of(int(at[0])))
            self._d90.add(date_of(int(at[0])), payees)
            self._this_month.append(payees)
        self._turn_month(month_of(until - 1))
        self._d90.forget(date_of(until - 1))
        self._until = until

    def _turn_month(self, month: int) -> None:
        if month == self._month:
            return
        if self._this_month:
            payees = np.concatenate(self._this_month)
            self._m12.add(self._month, payees)
            self._m60.add(self._month, payees)
        self._this_month = []
        self._month = month
        self._m12.forget(month - 1)
        self._m60.forget(month - 1)

    def read(self, accounts: Int64s) -> Statistics:
        """Counts of the person (both accounts) and, over 90 days, of the key's account alone."""
        siblings = self._accounts.siblings(accounts)
        has_two = np.flatnonzero(siblings != NONE)
        own = self._counts(accounts)
        both = [mine.copy() for mine in own]
        for mine, theirs in zip(both, self._counts(siblings[has_two]), strict=True):
            mine[has_two] += theirs
        known = (both[0] > 0) | (both[2] > 0)
        return {
            "settlements_d90": both[0],
            "settlements_m12": both[1],
            "settlements_m60": both[2],
            "key_settlements_d90": own[0],
            "settlements_watermark": np.where(known, self._until, 0),
        }

    def _counts(self, accounts: Int64s) -> tuple[Int64s, ...]:
        before = self._past.received(accounts, window_dates(self._until))
        tallies = (self._d90, self._m12, self._m60)
        return tuple(
            tally.of(accounts) + earlier for tally, earlier in zip(tallies, before, strict=True)
        )

"""The directory's counts about those who were reported: fraud markers and infraction reports.

They are few, so that every computation counts all claims again in every window, and an answer is
one look into a small table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.accounts import Accounts, spread
from crivo.simulator.events.windows import WINDOWS, window_dates

MARKERS_PHASE: Final = 4 * HOUR
REPORTS_PHASE: Final = 8 * HOUR

#: What a receiver concludes when it agrees that a report was fraud, and the counter of each.
FRAUD_TYPES: Final = ("APPLICATION_FRAUD", "MULE_ACCOUNT", "SCAMMER_ACCOUNT", "OTHER")
COUNTERS: Final = ("application_frauds", "mule_accounts", "scammer_accounts", "other_frauds")

#: Thousandths of accounts that carried a marker before the world began: of the town, of frauds.
_MARKED_BEFORE: Final = (2, 50)
_MARKED_DAYS: Final = 5 * 365
_MARKED_CENTAVOS: Final = (50_00, 5_000_00)

#: Institutions have numbers below this.
_INSTITUTIONS: Final = 64

Statistics = dict[str, Int64s]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims about payees: when they were made and decided, and how. One entry a claim."""

    contested_at: Int64s
    settled_at: Int64s
    accepted: Bools
    payees: Int64s
    reporters: Int64s  # place of the reporting institution
    fraud_types: Int64s  # place in FRAUD_TYPES
    amounts: Int64s  # centavos


class Reported:
    """All claims about persons of a world; `places` numbers these persons, 0 is anybody else."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._places = np.zeros(accounts.count, dtype=np.int32)
        self.people = 1
        self._claims = _marked_before(accounts)
        self._number(self._claims[0])

    def note(self, claims: Claims) -> None:
        """Claims that will be made and decided at any time from now on."""
        persons = self._accounts.persons(claims.payees)
        self._number(persons)
        rows = (
            persons,
            claims.contested_at,
            claims.settled_at,
            claims.accepted.astype(np.int64),
            claims.reporters,
            claims.fraud_types,
            claims.amounts,
        )
        self._claims = np.concatenate([self._claims, np.stack(rows)], axis=1)

    def _number(self, persons: Int64s) -> None:
        fresh = np.unique(persons[self._places[persons] == 0])
        self._places[fresh] = self.people + np.arange(len(fresh), dtype=np.int32)
        self.people += len(fresh)

    def places(self, accounts: Int64s) -> Int64s:
        """The place in every table of counts of the person who holds each account."""
        return self._places[self._accounts.persons(accounts)].astype(np.int64)

    def columns(self) -> npt.NDArray[np.int64]:
        """Place, contested_at, settled_at, accepted, reporter, fraud type, centavos; by claim."""
        return np.concatenate([self._places[self._claims[:1]].astype(np.int64), self._claims[1:]])


class Markers:
    """Fraud markers by type, reais, and distinct reporters, each in three windows."""

    phase = MARKERS_PHASE

    def __init__(self, reported: Reported) -> None:
        self._reported = reported
        self._counts: Statistics = {}

    def advance(self, until: int) -> None:
        """Counts the markers made before that instant."""
        place, _, settled_at, accepted, reporter, kind, centavos = self._reported.columns()
        size = self._reported.people
        made = (accepted == 1) & (settled_at < until)
        dates = (settled_at + BRASILIA_OFFSET) // DAY
        self._counts = {}
        for name, (first, last) in zip(WINDOWS, window_dates(until), strict=True):
            mine = made & (dates >= first) & (dates < last)
            for number, counter in enumerate(COUNTERS):
                self._counts[f"{counter}_{name}"] = _count(place[mine & (kind == number)], size)
            # False identity is left out of the sum, which is cut to whole reais.
            counted = mine & (kind != 0)
            sums = np.zeros(size, dtype=np.int64)
            np.add.at(sums, place[counted], centavos[counted])
            self._counts[f"fraud_reais_{name}"] = sums // 100
            pairs = np.unique(place[mine] * _INSTITUTIONS + reporter[mine])
            self._counts[f"fraud_reporters_{name}"] = _count(pairs // _INSTITUTIONS, size)
        self._counts["markers_watermark"] = np.where(_count(place[made], size) > 0, until, 0)

    def read(self, accounts: Int64s) -> Statistics:
        """What is counted of each account's holder."""
        places = self._reported.places(accounts)
        return {name: _at(counts, places) for name, counts in self._counts.items()}


class Reports:
    """Infraction reports: open ones and their reporters, and rejected ones in three windows."""

    phase = REPORTS_PHASE

    def __init__(self, reported: Reported) -> None:
        self._reported = reported
        self._counts: Statistics = {}

    def advance(self, until: int) -> None:
        """Counts what was claimed and decided before that instant."""
        place, contested_at, settled_at, accepted, reporter, _, _ = self._reported.columns()
        size = self._reported.people
        made, decided = contested_at < until, settled_at < until
        is_open = made & ~decided
        pairs = np.unique(place[is_open] * _INSTITUTIONS + reporter[is_open])
        dates = (settled_at + BRASILIA_OFFSET) // DAY
        self._counts = {
            "open_reports": _count(place[is_open], size),
            "open_reporters": _count(pairs // _INSTITUTIONS, size),
        }
        for name, (first, last) in zip(WINDOWS, window_dates(until), strict=True):
            rejected = decided & (accepted == 0) & (dates >= first) & (dates < last)
            self._counts[f"rejected_reports_{name}"] = _count(place[rejected], size)
        self._counts["reports_watermark"] = np.where(_count(place[made], size) > 0, until, 0)

    def read(self, accounts: Int64s) -> Statistics:
        """What is counted of each account's holder."""
        places = self._reported.places(accounts)
        return {name: _at(counts, places) for name, counts in self._counts.items()}


def _count(places: Int64s, size: int) -> Int64s:
    return np.bincount(places, minlength=size).astype(np.int64)


def _at(counts: Int64s, places: Int64s) -> Int64s:
    """Whoever was numbered after the counting is somebody of whom nothing was known."""
    return counts[np.where(places < len(counts), places, 0)]


def _marked_before(accounts: Accounts) -> npt.NDArray[np.int64]:
    """Claims that were accepted before the world began, each about an account of its own."""
    numbers = np.arange(accounts.count, dtype=np.int64)
    size, seed = accounts.town.census, accounts.town.seed
    honest, fraud = _MARKED_BEFORE
    odds = np.where(numbers >= size.first_fraud, fraud, honest)
    opened_here = (numbers >= size.first_newcomer) & (numbers < size.first_fraud)
    marked = np.flatnonzero((spread(numbers, seed ^ 0x6D61726B, 1000) < odds) & ~opened_here)
    settled_at = accounts.start - (1 + spread(marked, seed ^ 0x77, _MARKED_DAYS)) * DAY
    low, high = _MARKED_CENTAVOS
    rows = (
        accounts.persons(marked),
        settled_at - DAY,
        settled_at,
        np.ones(len(marked), dtype=np.int64),
        spread(marked, seed ^ 0x7265, 20),
        spread(marked, seed ^ 0x6674, len(FRAUD_TYPES)),
        low + spread(marked, seed ^ 0x616D, high - low),
    )
    return np.stack(rows)

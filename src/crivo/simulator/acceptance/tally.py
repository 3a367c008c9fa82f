"""What a report knows of a world: counts gathered day by day, so that memory stays bounded.

What a world does every day is counted of its honest transfers: official figures are those of a
country with 4 accepted frauds in 100,000, and an enriched world holds a hundred times as many.

Only what was generated is read: rows, names, and who holds an account. The figures that the world
was made from are not imported here; a test looks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY, HOUR
from crivo.domain.transfer import Initiation
from crivo.simulator.acceptance.accepted import Accepted, Sums
from crivo.simulator.acceptance.grouped import Grouped
from crivo.simulator.acceptance.rules import Rule, Rules
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.rows import INITIATIONS, NONE, Rows

_SMALL_CENTAVOS: Final = 100_00
_CONTACTLESS: Final = (Initiation.APDN, Initiation.APES)
#: Instruction BCB 746/2026: the cap of a contactless payment, until the date from which it falls.
_CONTACTLESS_CAP_CENTAVOS: Final = 500_00
_CONTACTLESS_CAP_UNTIL: Final = dt.date(2026, 10, 1)
#: Resolution BCB 147/2021: precautionary blocks end within 72 hours. The special mechanism
#: (103/2021, Instruction 766/2026): claims within 80 days of the transfer, analysed within 7.
_CLAIMS_SINCE: Final = dt.date(2021, 11, 16)
_BLOCK_MAX: Final = 72 * HOUR
_CLAIM_MAX: Final = 80 * DAY
_ANALYSIS_MAX: Final = 7 * DAY


@dataclass(frozen=True, slots=True)
class Sides:
    """Of each row: its nature's place, whether both banks are one, and a legal person is paid."""

    natures: Int64s
    on_us: Bools
    legal_payees: Bools


@dataclass(slots=True)
class DayTotal:
    """What a day held."""

    date: dt.date
    count: int = 0
    centavos: int = 0


@dataclass(frozen=True, slots=True)
class DayVariances:
    """How days of one transfer differ over seeds: the logarithm of their value, by weekday; and, in
    centavos squared, their mean ticket, by nature.
    """

    of_value: Sums
    of_ticket: Sums


@dataclass(frozen=True, slots=True)
class TownVariances:
    """How towns differ over seeds in shares that a few large payers and payees move: of count the
    small transfers and those inside one institution, and what of the value these are.
    """

    of_small: float
    of_on_us: float
    of_on_us_value: float


@dataclass(slots=True)
class Tally:
    """Everything that the checks read."""

    transfers: int = 0  # all of them, frauds too
    days: list[DayTotal] = field(default_factory=list)
    variances: DayVariances | None = None  # None where nobody measured them
    towns: TownVariances | None = None  # likewise
    hours: Grouped = field(default_factory=lambda: Grouped(24))
    natures: Grouped = field(default_factory=lambda: Grouped(9))
    initiations: Grouped = field(default_factory=lambda: Grouped(len(INITIATIONS)))
    on_us: Grouped = field(default_factory=lambda: Grouped(2))
    small: Grouped = field(default_factory=lambda: Grouped(2))
    accepted: Accepted = field(default_factory=Accepted)
    blocks: Grouped = field(default_factory=lambda: Grouped(3))
    keys: dict[str, int] = field(default_factory=dict)  # registered keys by type
    rules: Rules = field(default_factory=Rules)
    contested: int = 0

    def add(self, date: dt.date, rows: Rows, sides: Sides) -> None:
        """Counts rows of a day or of a shift of it; days come in order."""
        self.transfers += len(rows)
        self._add_honest(date, rows, sides)
        self._add_claims(rows, sides)
        self._add_rules(date, rows)

    def _add_honest(self, date: dt.date, rows: Rows, sides: Sides) -> None:
        honest = rows["typology"] == NONE
        amounts, at = rows["amount_centavos"][honest], rows["occurred_at"][honest]
        if not self.days or self.days[-1].date != date:
            self.days.append(DayTotal(date))
        self.days[-1].count += len(amounts)
        self.days[-1].centavos += int(amounts.sum())
        self.hours.add((at + BRASILIA_OFFSET) % DAY // HOUR, amounts)
        self.natures.add(sides.natures[honest], amounts)
        self.initiations.add(rows["initiation"][honest].astype(np.int64), amounts)
        self.on_us.add(sides.on_us[honest].astype(np.int64), amounts)
        self.small.add((amounts < _SMALL_CENTAVOS).astype(np.int64), amounts)

    def _add_claims(self, rows: Rows, sides: Sides) -> None:
        claimed = rows["contested_at"] != NONE
        frozen = rows["block"] != 0
        self.contested += int(claimed.sum())
        self.accepted.add(rows, sides.legal_payees)
        blocked = rows[frozen]
        self.blocks.add(blocked["block"].astype(np.int64), blocked["amount_centavos"])
        at, contested_at = rows["occurred_at"], rows["contested_at"]
        early = claimed & ((contested_at <= at) | (rows["settled_at"] <= contested_at))
        early |= frozen & (rows["block_ended_at"] <= at)
        early |= rows["accepted"] & ~claimed
        self.rules.look(Rule.CLAIMS_IN_TIME, int((claimed | frozen).sum()), int(early.sum()))

    def _add_rules(self, date: dt.date, rows: Rows) -> None:
        """What was in force on that date."""
        places = [INITIATIONS.index(one) for one in _CONTACTLESS]
        amounts = rows["amount_centavos"][np.isin(rows["initiation"], places)]
        if date < _CONTACTLESS_CAP_UNTIL:
            over = int((amounts > _CONTACTLESS_CAP_CENTAVOS).sum())
            self.rules.look(Rule.CONTACTLESS_CAP, len(amounts), over)
        if date < _CLAIMS_SINCE:
            return
        blocked, claimed = rows[rows["block"] != 0], rows[rows["contested_at"] != NONE]
        for rule, spans, most in (
            (Rule.BLOCK_HOURS, blocked["block_ended_at"] - blocked["occurred_at"], _BLOCK_MAX),
            (Rule.CLAIM_DAYS, claimed["contested_at"] - claimed["occurred_at"], _CLAIM_MAX),
            (Rule.ANALYSIS_DAYS, claimed["settled_at"] - claimed["contested_at"], _ANALYSIS_MAX),
        ):
            self.rules.look(rule, len(spans), int((spans > most).sum()))

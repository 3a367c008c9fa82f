"""Attempts that no transfer came of: orders taken back or refused, and what was tried before.

To the payer's institution they are attempts like any other. Orders that the payer took back, or
that its own institution refused, nobody else ever sees; what the rail rejected, everybody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR
from crivo.simulator.answers import Answer
from crivo.simulator.draws import Bools, Draws, Int64s
from crivo.simulator.events.rejections import tried_before
from crivo.simulator.facts import FactKind, Facts
from crivo.simulator.lettering import Names
from crivo.simulator.naming import end_to_end_ids
from crivo.simulator.people import Town, account_institutions
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, Rows, make_rows

#: By then an order is taken back whose cancellation lies beyond the world's end.
_TAKEN_BACK_AFTER_MAX: Final = 15 * HOUR


@dataclass(frozen=True, slots=True)
class Attempts:
    """A day's attempts: its transfers, its orders and what was tried before, in time order."""

    rows: Rows
    ids: Names  # EndToEndIds
    taken_back_at: Int64s  # NONE where nobody took the order back
    over_limit: Bools  # refused by the payer's institution because of a limit
    rejected_for: Int64s  # place in REASONS of what was tried before a transfer, else NONE


class Orders:
    """The orders of a world: facts of its campaigns, whose typologies are `campaigns`."""

    def __init__(self, seed: int, town: Town, facts: Facts, campaigns: Int64s) -> None:
        self._seed = seed
        self._town = town
        self._campaigns = campaigns
        self._facts = facts[np.isin(facts["kind"], (FactKind.SCHEDULED, FactKind.LIMIT_REFUSED))]
        self._taken_back_at = _taken_back_at(self._facts, facts)

    def day(self, day: Day, transfers: Rows) -> Attempts:
        """The attempts of the day whose transfers these are. A transfer's id is what it was."""
        at = self._facts["occurred_at"]
        mine = np.flatnonzero((at >= day.start) & (at < day.end))
        orders = self._rows(day, self._facts[mine])
        draws = Draws(self._seed, "tried before", *day.stream)
        tried, reasons = tried_before(draws, day, transfers, self._town.census.persons)
        parts = {"": transfers, " of orders": orders, " of what was tried": tried}
        rows = np.concatenate(list(parts.values()))
        ids = np.concatenate([self._ids(part, day, name) for name, part in parts.items()])
        ordered = slice(len(transfers), len(transfers) + len(orders))
        taken_back_at = np.full(len(rows), NONE, dtype=np.int64)
        taken_back_at[ordered] = self._taken_back_at[mine]
        over_limit = np.zeros(len(rows), dtype=np.bool_)
        over_limit[ordered] = self._facts["kind"][mine] == FactKind.LIMIT_REFUSED
        rejected_for = np.full(len(rows), NONE, dtype=np.int64)
        rejected_for[ordered.stop :] = reasons
        order = np.argsort(rows["occurred_at"], kind="stable")
        return Attempts(
            rows[order], ids[order], taken_back_at[order], over_limit[order], rejected_for[order]
        )

    def _rows(self, day: Day, facts: Facts) -> Rows:
        rows = make_rows(
            facts["occurred_at"],
            facts["amount_centavos"],
            facts["account"],
            facts["other"],
        )
        self._town.set_devices(Draws(self._seed, "devices of orders", *day.stream), rows, day)
        rows["campaign"] = facts["campaign"]
        refused = facts["kind"] == FactKind.LIMIT_REFUSED
        rows["answer"][refused] = Answer.REJECT
        rows["typology"][refused] = self._campaigns[facts["campaign"][refused]]
        rows["hop"][refused] = 1
        rows["stopped"] = True
        return rows

    def _ids(self, rows: Rows, day: Day, name: str) -> Names:
        institutions = account_institutions(self._town, rows["payer"])
        draws = Draws(self._seed, f"ids{name}", *day.stream)
        return end_to_end_ids(draws, rows["occurred_at"], institutions)


def _taken_back_at(orders: Facts, facts: Facts) -> Int64s:
    """For each order the instant of its cancellation; NONE for what is no scheduled one."""
    scheduled = orders["kind"] == FactKind.SCHEDULED
    at = orders["occurred_at"] + _TAKEN_BACK_AFTER_MAX
    known = {
        _about(fact): int(fact["occurred_at"])
        for fact in facts[facts["kind"] == FactKind.SCHEDULE_CANCELLED]
    }
    for place in np.flatnonzero(scheduled).tolist():
        at[place] = known.get(_about(orders[place]), at[place])
    return np.where(scheduled, at, NONE)


def _about(fact: np.void) -> tuple[int, ...]:
    """What an order and its cancellation have in common."""
    return tuple(int(fact[name]) for name in ("campaign", "account", "other", "amount_centavos"))

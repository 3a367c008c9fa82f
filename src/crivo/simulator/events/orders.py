"""Orders that no transfer came of: the payer took them back, or its own institution refused them.

They are attempts like any other to the payer's institution. Nobody else ever sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.domain.instant import HOUR
from crivo.simulator.answers import Answer
from crivo.simulator.draws import Bools, Draws, Int64s
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
    """A day's attempts: its transfers and its orders, in time order."""

    rows: Rows
    ids: Names  # EndToEndIds
    taken_back_at: Int64s  # NONE where nobody took the order back
    over_limit: Bools  # refused by the payer's institution because of a limit


class Orders:
    """The orders of a world: facts of its campaigns."""

    def __init__(self, seed: int, town: Town, facts: Facts) -> None:
        self._seed = seed
        self._town = town
        self._facts = facts[np.isin(facts["kind"], (FactKind.SCHEDULED, FactKind.LIMIT_REFUSED))]
        self._taken_back_at = _taken_back_at(self._facts, facts)

    def day(self, day: Day, transfers: Rows) -> Attempts:
        """The attempts of the day whose transfers these are. A transfer's id is what it was."""
        at = self._facts["occurred_at"]
        mine = np.flatnonzero((at >= day.start) & (at < day.end))
        orders = self._rows(day, self._facts[mine])
        rows = np.concatenate([transfers, orders])
        order = np.argsort(rows["occurred_at"], kind="stable")
        ids = np.concatenate(
            [self._ids(part, day, name) for part, name in ((transfers, ""), (orders, " of orders"))]
        )
        transfers_count = len(transfers)
        taken_back_at = np.full(len(rows), NONE, dtype=np.int64)
        taken_back_at[transfers_count:] = self._taken_back_at[mine]
        over_limit = np.zeros(len(rows), dtype=np.bool_)
        over_limit[transfers_count:] = self._facts["kind"][mine] == FactKind.LIMIT_REFUSED
        return Attempts(rows[order], ids[order], taken_back_at[order], over_limit[order])

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

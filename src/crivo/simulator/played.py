"""What became of a world's plan in a play: other frauds, and what was answered to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from crivo.simulator.blocks import Block
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.facts import Facts
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, Rows

#: What does not come of a transfer that was stopped: no claim, no recovery, no block.
_CLEARED: Final = (
    ("contested_at", NONE),
    ("settled_at", NONE),
    ("accepted", False),
    ("recovery", 0),
    ("returned_centavos", 0),
    ("block", Block.NONE),
    ("block_ended_at", NONE),
)

#: Places among a day's honest transfers, their answers, and whether they were stopped.
Touched = tuple[Int64s, Int64s, Bools]


@dataclass(frozen=True, slots=True)
class Played:
    """A play that was played to its end. `policy` and `adversary` are names; `stops` says whether
    that policy answers anything else than ALLOW.

    `frauds` and `facts` are by time; `honest` says by the index of a day which of its honest
    transfers were answered with something else than ALLOW.
    """

    policy: str
    adversary: str
    stops: bool
    frauds: Rows
    facts: Facts
    honest: Mapping[int, Touched]

    def of_shift(self, shift: Day, planned: Rows, before: int) -> Rows:
        """The shift as it went, from the shift as it was planned; in time order.

        `before` is how many honest transfers the day's earlier shifts held.
        """
        honest = planned[planned["typology"] == NONE]
        places, answers, stopped = self.honest[shift.index]
        mine = (places >= before) & (places < before + len(honest))
        honest["answer"][places[mine] - before] = answers[mine]
        honest["stopped"][places[mine] - before] = stopped[mine]
        clear_stopped(honest)
        at = self.frauds["occurred_at"]
        frauds = self.frauds[np.searchsorted(at, shift.start) : np.searchsorted(at, shift.end)]
        rows = np.concatenate([honest, frauds])
        return rows[np.argsort(rows["occurred_at"], kind="stable")]


def clear_stopped(rows: Rows) -> None:
    """Takes claims and blocks out of the rows that are stopped."""
    for column, empty in _CLEARED:
        rows[column][rows["stopped"]] = empty

"""Plays a world against a policy, day by day: who pays what, what is answered, what comes through.

The policy sees a day's transfers without their truth and the accounts that accepted claims have
marked so far. Honest life and what only goes with a campaign stay as they are; the frauds are the
fraudsters' (`adversary`). What a bank stops does not arrive: nobody contests it, and a mule passes
on no more than came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from crivo.simulator.adversary import Fraudsters, Mode
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, ROW, Rows
from crivo.simulator.typology import Typology
from crivo.simulator.world import World


class Answer(IntEnum):
    """What a policy answers, from the mildest to the strictest."""

    ALLOW = 0
    WARN = 1
    STEP_UP = 2
    HOLD = 3
    REJECT = 4


#: Of a row, what the payer's institution knows when it decides.
VISIBLE: Final = (
    "occurred_at",
    "amount_centavos",
    "payer",
    "payee",
    "device",
    "initiation",
    "purpose",
    "signals",
)
SEEN: Final = np.dtype([(name, ROW[name]) for name in VISIBLE])

#: Answers a day: the transfers (of dtype SEEN, in time order), the accounts marked so far (rising);
#: one value of Answer for each transfer.
Decide = Callable[[Day, Rows, Int64s], Int64s]

#: Victims who pay themselves prove who they are when asked; who took their access cannot.
_TOOK_ACCESS: Final = ("ACCOUNT_TAKEOVER", "FRAUDULENT_ACCESS")


@dataclass(frozen=True, slots=True)
class PlayedDay:
    """A day as it went. Arrays are as long as `rows`, which lie in time order.

    `passed` says whether the money arrived: it was let through, and there was some.
    """

    day: Day
    rows: Rows
    answers: Int64s
    passed: Bools


def play(world: World, decide: Decide, mode: Mode = Mode.STATIC) -> Iterator[PlayedDay]:
    """Each day of the world against this policy; equal arguments give equal days."""
    fraudsters = Fraudsters(world.town, world.options.seed, world.typologies, world.frauds, mode)
    rail = _Rail(world.typologies)
    for day, planned in world.rows():
        honest = planned[planned["typology"] == NONE]
        marked = rail.marked(day.start)
        rows = np.concatenate([honest, fraudsters.of_day(day.start, marked)])
        rows = rows[np.argsort(rows["occurred_at"], kind="stable")]
        answers = np.asarray(decide(day, _seen(rows), marked), dtype=np.int64)
        passed = rail.settle(rows, answers)
        fraudsters.learn(passed[rows["typology"] != NONE])
        yield PlayedDay(day, rows, answers, passed)


def allow_all(_day: Day, seen: Rows, _marked: Int64s) -> Int64s:
    """The policy that stops nothing."""
    return np.full(len(seen), int(Answer.ALLOW), dtype=np.int64)


class _Rail:
    """What arrives, and what is marked because of it."""

    def __init__(self, typologies: tuple[Typology, ...]) -> None:
        self._took_access = [typology.situation in _TOOK_ACCESS for typology in typologies]
        self._balances: dict[tuple[int, int], int] = {}
        self._marks: list[tuple[int, int]] = []

    def marked(self, now: int) -> Int64s:
        """Accounts paid by a transfer about which a claim was accepted before that instant."""
        known = {account for settled_at, account in self._marks if settled_at < now}
        return np.asarray(sorted(known), dtype=np.int64)

    def settle(self, rows: Rows, answers: Int64s) -> Bools:
        """Which rows arrive. Of those that do not, the claims are taken out."""
        passed = answers <= Answer.STEP_UP
        for place in np.flatnonzero(rows["typology"] != NONE).tolist():
            row = rows[place]
            asked = answers[place] == Answer.STEP_UP
            caught = asked and self._took_access[int(row["typology"])]
            passed[place] = passed[place] and not caught and self._funded(row)
        stopped = ~passed
        for column, empty in (
            ("contested_at", NONE),
            ("settled_at", NONE),
            ("accepted", False),
            ("recovery", 0),
            ("returned_centavos", 0),
        ):
            rows[column][stopped] = empty
        accepted = rows[rows["accepted"]]
        settled_at, payees = accepted["settled_at"].tolist(), accepted["payee"].tolist()
        self._marks += zip(settled_at, payees, strict=True)
        return passed

    def _funded(self, row: np.void) -> bool:
        """Moves a fraud's money, if its payer is a victim or has received that much."""
        campaign, amount = int(row["campaign"]), int(row["amount_centavos"])
        payer, payee = (campaign, int(row["payer"])), (campaign, int(row["payee"]))
        if row["hop"] > 1:
            if self._balances.get(payer, 0) < amount:
                return False
            self._balances[payer] -= amount
        self._balances[payee] = self._balances.get(payee, 0) + amount
        return True


def _seen(rows: Rows) -> Rows:
    seen = np.zeros(len(rows), dtype=SEEN)
    for name in VISIBLE:
        seen[name] = rows[name]
    return seen

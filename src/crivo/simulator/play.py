"""Plays a world against a policy, day by day: who pays what, what is answered, what comes through.

The policy sees a day's transfers without their truth and the accounts that accepted claims have
marked so far. Honest life and what only goes with a campaign stay as they are; the frauds are the
fraudsters' (`adversary`). What a bank stops does not arrive: nobody contests it, and a mule passes
on no more than came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from crivo.simulator.adversary import Fraudsters, Mode
from crivo.simulator.answers import Answer
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.facts import Facts, no_facts
from crivo.simulator.played import Played, Touched, clear_stopped
from crivo.simulator.policy import Decide, Policy
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import NONE, ROW, Rows, no_rows
from crivo.simulator.typology import Typology
from crivo.simulator.world import World

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

#: Victims who pay themselves prove who they are when asked; who took their access cannot.
_TOOK_ACCESS: Final = ("ACCOUNT_TAKEOVER", "FRAUDULENT_ACCESS")


@dataclass(frozen=True, slots=True)
class PlayedDay:
    """A day as it went: `rows` in time order, with the answers, and those that were stopped.

    `facts` are what went with the frauds, by time.
    """

    day: Day
    rows: Rows
    facts: Facts

    @property
    def passed(self) -> Bools:
        """Which rows arrived: they were let through, and there was money."""
        return ~self.rows["stopped"]

    @property
    def answers(self) -> Int64s:
        """What was answered to each row."""
        return self.rows["answer"].astype(np.int64)


def play(world: World, decide: Decide, mode: Mode = Mode.STATIC) -> Iterator[PlayedDay]:
    """Each day of the world against this policy; equal arguments give equal days."""
    fraudsters = Fraudsters(world.town, world.options.seed, world.typologies, world.plan, mode)
    rail = _Rail(world.typologies)
    for day, planned in world.whole_days():
        honest = planned[planned["typology"] == NONE]
        marked = rail.marked(day.start)
        rows = np.concatenate([honest, fraudsters.of_day(day.start, marked)])
        rows = rows[np.argsort(rows["occurred_at"], kind="stable")]
        rows["answer"] = decide(day, _seen(rows), marked)
        rail.settle(rows)
        mine = rows["typology"] != NONE
        fraudsters.learn(~rows["stopped"][mine], rows["answer"][mine].astype(np.int64))
        yield PlayedDay(day, rows, fraudsters.facts_of_day(day.start))


def played_world(world: World, policy: Policy, mode: Mode) -> World:
    """The world as it goes against that policy, to be walked through like any other.

    It is played once, which takes a walk; memory keeps what differs from the plan.
    """
    frauds, facts = [no_rows()], [no_facts()]
    honest: dict[int, Touched] = {}
    for played in play(world, policy.begin(), mode):
        is_fraud = played.rows["typology"] != NONE
        frauds.append(played.rows[is_fraud])
        facts.append(played.facts)
        rest = played.rows[~is_fraud]
        places = np.flatnonzero((rest["answer"] != Answer.ALLOW) | rest["stopped"])
        touched = rest[places]
        answers = touched["answer"].astype(np.int64)
        honest[played.day.index] = (places, answers, touched["stopped"].copy())
    result = Played(
        policy=policy.name,
        adversary=str(mode),
        stops=policy.stops,
        frauds=np.concatenate(frauds),
        facts=np.concatenate(facts),
        honest=honest,
    )
    return replace(world, played=result)


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

    def settle(self, rows: Rows) -> None:
        """Marks the rows that are stopped. Claims about them and blocks are taken out."""
        passed = rows["answer"] <= Answer.STEP_UP
        for place in np.flatnonzero(rows["typology"] != NONE).tolist():
            row = rows[place]
            asked = row["answer"] == Answer.STEP_UP
            caught = asked and self._took_access[int(row["typology"])]
            passed[place] = passed[place] and not caught and self._funded(row)
        rows["stopped"] = ~passed
        clear_stopped(rows)
        accepted = rows[rows["accepted"]]
        settled_at, payees = accepted["settled_at"].tolist(), accepted["payee"].tolist()
        self._marks += zip(settled_at, payees, strict=True)

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

"""When accounts of frauds were opened: one answer for every table and stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from crivo.domain.instant import DAY
from crivo.simulator.draws import Draws, Int64s
from crivo.simulator.openings import midnights_of, opened_on
from crivo.simulator.people import Town, fraud_account_age_days
from crivo.simulator.rows import NONE, Rows
from crivo.simulator.world import World

#: The first use of an account that nothing uses.
NEVER: Final = np.iinfo(np.int64).max


def fraud_accounts_used(world: World) -> Int64s:
    """Of each account from the first one of frauds on its first transfer, or NEVER.

    Whatever uses them is planned beforehand.
    """
    first, _ = fraud_account_uses(world)
    return first


def fraud_account_uses(world: World) -> tuple[Int64s, Int64s]:
    """Of each account from the first one of frauds on its first and last transfer, or NEVER, -1."""
    first_fraud = world.town.census.first_fraud
    first = np.full(world.accounts - first_fraud, NEVER, dtype=np.int64)
    last = np.full(len(first), NONE, dtype=np.int64)
    for rows in _planned_rows(world):
        for side in ("payer", "payee"):
            places = rows[side] - first_fraud
            mine = places >= 0
            np.minimum.at(first, places[mine], rows["occurred_at"][mine])
            np.maximum.at(last, places[mine], rows["occurred_at"][mine])
    return first, last


def opened_for_fraud_at(town: Town, accounts: Int64s, used: Int64s) -> Int64s:
    """When each of these accounts of frauds was opened: days before the date of its first use."""
    ages = fraud_account_age_days(town, accounts) * DAY
    return opened_on(midnights_of(used) - ages, accounts, town.seed)


def _planned_rows(world: World) -> Iterator[Rows]:
    """Frauds, what goes with them, and the background that fraudsters' accounts receive."""
    yield world.frauds
    yield world.plan.companions
    for name, habit in world.plan.background:
        for day in world.days:
            yield habit(day, Draws(world.options.seed, name, day.index))

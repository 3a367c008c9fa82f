"""Walks through a world and tallies it: one day in memory, and of each day some names looked at."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.acceptance.replicas import endings_covariance, frauds_covariance, variances
from crivo.simulator.acceptance.rules import Rule
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.acceptance.told import Told, look_at_columns, look_at_names
from crivo.simulator.draws import Draws
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.naming import end_to_end_ids
from crivo.simulator.people import account_institutions
from crivo.simulator.rows import Rows
from crivo.simulator.seven.blocks import blocks
from crivo.simulator.seven.holders import hold
from crivo.simulator.seven.keys import KINDS, issue
from crivo.simulator.tables import BLOCK_ROWS, transfer_columns
from crivo.simulator.world import Progress, World

#: So many keys of the register are parsed, and tax ids of who holds them.
_REGISTERED_LOOKED_AT: Final = 5000
#: Whole days are listened to until they held so many transfers.
_TRANSFERS_TOLD: Final = 20_000


def walk(world: World, progress: Progress | None = None) -> Tally:
    """The tally of all rows of the world, and of what its first days tell."""
    tally = Tally()
    _look_at_register(world, tally)
    tally.variances, tally.towns = variances(world)
    tally.accepted.frauds_covariance = frauds_covariance(world)
    tally.accepted.endings_covariance = endings_covariance(world)
    told, streams = Told(tally.rules), EventStreams(world, Viewpoint.PAYER_PSP)
    listens = True
    for day, rows in world.rows(progress):
        if listens:
            told.hear(streams.of_day(day, rows))
        tally.add(day.date, rows, sides(world.town, rows))
        _look_at_names(world, Draws(world.options.seed, "ids", *day.stream), rows, tally)
        if listens and day.is_last_shift and tally.transfers >= _TRANSFERS_TOLD:
            told.hear(streams.rest())
            listens = False
            del told, streams
    if listens:
        told.hear(streams.rest())
    return tally


def _look_at_register(world: World, tally: Tally) -> None:
    """Counts the register's keys by type; parses some of them, and their holders' tax ids."""
    keys = issue(world, hold(world))
    counts = np.zeros(len(KINDS), dtype=np.int64)
    for places in blocks(0, keys.count):
        counts += np.bincount(keys.kinds(places), minlength=len(KINDS))
    tally.keys = {str(kind): count for kind, count in zip(KINDS, counts.tolist(), strict=True)}
    some = np.arange(0, keys.count, 1 + keys.count // _REGISTERED_LOOKED_AT, dtype=np.int64)
    look_at_names(tally.rules, Rule.KEYS, keys.names(some), _REGISTERED_LOOKED_AT)
    tax_ids = keys.holders.tax_ids(keys.users(some))
    look_at_names(tally.rules, Rule.TAX_IDS, tax_ids, _REGISTERED_LOOKED_AT)


def _look_at_names(world: World, draws: Draws, rows: Rows, tally: Tally) -> None:
    """Of a day's first block of transfers, named by its own draws as in every table of them."""
    block = rows[:BLOCK_ROWS]
    institutions = account_institutions(world.town, block["payer"])
    ids = end_to_end_ids(draws, block["occurred_at"], institutions)
    look_at_columns(tally.rules, transfer_columns(world, block, ids, institutions))

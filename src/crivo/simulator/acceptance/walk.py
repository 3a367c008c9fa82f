"""Walks through a world and tallies it: one day in memory, some names of each day looked at."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.errors import CrivoError
from crivo.domain.identifiers import end_to_end_id_minute
from crivo.domain.pix_key import parse_pix_key
from crivo.simulator.acceptance.replicas import frauds_covariance, variances
from crivo.simulator.acceptance.sides import sides
from crivo.simulator.acceptance.tally import Tally
from crivo.simulator.draws import Draws
from crivo.simulator.naming import end_to_end_ids
from crivo.simulator.people import account_institutions
from crivo.simulator.rows import Rows
from crivo.simulator.seven.holders import hold
from crivo.simulator.seven.keys import KINDS, key_names, register
from crivo.simulator.tables import transfer_columns
from crivo.simulator.world import Progress, World

#: So many transfers of a day have their names parsed by the domain.
_NAMES_A_DAY: Final = 200
#: And so many keys of the register.
_KEYS_LOOKED_AT: Final = 5000


def walk(world: World, progress: Progress | None = None) -> Tally:
    """The tally of all rows of the world."""
    tally = Tally()
    _look_at_keys(world, tally)
    tally.variances, tally.towns = variances(world)
    tally.accepted.frauds_covariance = frauds_covariance(world)
    for day, rows in world.rows(progress):
        tally.add(day.date, rows, sides(world.town, rows))
        _look_at_names(world, rows[:: 1 + len(rows) // _NAMES_A_DAY], tally)
    return tally


def _look_at_keys(world: World, tally: Tally) -> None:
    """Counts the register's keys by type and parses some of them."""
    holders = hold(world)
    owners, kinds, _ = register(world, holders)
    counts = np.bincount(kinds, minlength=len(KINDS)).tolist()
    tally.keys = {str(kind): count for kind, count in zip(KINDS, counts, strict=True)}
    some = slice(None, None, 1 + len(owners) // _KEYS_LOOKED_AT)
    for name in key_names(holders, owners[some], kinds[some]).tolist():
        tally.names.seen += 1
        tally.names.invalid += not _is_key(name.decode())


def _look_at_names(world: World, rows: Rows, tally: Tally) -> None:
    institutions = account_institutions(world.town, rows["payer"])
    draws = Draws(world.options.seed, "names looked at", len(tally.days))
    ids = end_to_end_ids(draws, rows["occurred_at"], institutions)
    columns = {column.name: column for column in transfer_columns(world, rows, ids, institutions)}
    keys = columns["payee_key"]
    missing = np.zeros(len(rows), dtype=np.bool_) if keys.missing is None else keys.missing
    for key in keys.values[~missing].tolist():
        tally.names.seen += 1
        tally.names.invalid += not _is_key(key.decode())
    for own_id in ids.tolist():
        tally.names.seen += 1
        tally.names.invalid += not _is_id(own_id.decode())


def _is_key(text: str) -> bool:
    try:
        parse_pix_key(text)
    except CrivoError:
        return False
    return True


def _is_id(text: str) -> bool:
    try:
        end_to_end_id_minute(text)
    except CrivoError:
        return False
    return True

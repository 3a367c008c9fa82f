"""No instant of the event streams finds fraud by its digits, or by its distance to the transfer.

Judged are all instants that transfers carry, as each side sees them, and what lies before each in
the streams that are known when deciding: the last event of its payer's account, and of its device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from crivo.domain.instant import DAY, HOUR, SECOND
from crivo.simulator.columns import Column, Kind
from crivo.simulator.events.kind import EventKind, Tier, default_kinds
from crivo.simulator.events.streams import EventStreams
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.world import simulate
from tests.laws.instants import precisions
from tests.laws.test_simulator_events_difficulty import (
    AVERAGE_PRECISION_MAX,
    TRANSFERS,
    WORLD,
    fraud_ids,
)

pytestmark = pytest.mark.slow

NEVER = -1
SEEDS = (17, 18)
VIEWPOINTS = (Viewpoint.PAYER_PSP, Viewpoint.PAYEE_PSP)
#: By which field an event belongs to a transfer's payer.
PAYERS = ("payer_account", "account")

Columns = dict[str, np.ndarray]


@cache
def told(seed: int, viewpoint: Viewpoint) -> tuple[dict[str, Columns], np.ndarray]:
    """Every stream's columns that are known when deciding, instants with NEVER; the frauds."""
    kinds = tuple(one for one in default_kinds() if one.tier is Tier.DECISION)
    world = simulate(replace(WORLD, seed=seed))
    streams = EventStreams(world, viewpoint, kinds)
    frauds = fraud_ids(world)
    parts: dict[str, list[Columns]] = {}
    for day, rows in world.rows():
        for piece in streams.of_day(day, rows):
            found = {column.name: _values(column) for column in piece.columns}
            parts.setdefault(piece.table, []).append(found)
    tables = {
        kind: {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        for kind, found in parts.items()
    }
    return tables, np.isin(tables[TRANSFERS.name]["end_to_end_id"], frauds)


def _values(column: Column) -> np.ndarray:
    if column.kind is not Kind.INSTANT or column.missing is None:
        return column.values
    return np.where(column.missing, NEVER, column.values)


def instants(kind: EventKind, viewpoint: Viewpoint) -> list[str]:
    fields = [field for field in kind.fields if viewpoint in field.seen_by]
    return [field.name for field in fields if field.kind is Kind.INSTANT]


def of_transfers(seed: int, viewpoint: Viewpoint) -> tuple[Columns, np.ndarray, np.ndarray]:
    """By name an instant each transfer; when it was made; whether it is a fraud."""
    tables, frauds = told(seed, viewpoint)
    transfers = tables[TRANSFERS.name]
    at = transfers["occurred_at"]
    found = {name: transfers[name] for name in instants(TRANSFERS, viewpoint)}
    for kind in default_kinds():
        if kind.tier is not Tier.DECISION or kind is TRANSFERS or kind.name not in tables:
            continue
        owner = next((name for name in PAYERS if name in tables[kind.name]), None)
        if owner is None:
            continue
        events = tables[kind.name]
        last = _last(events[owner], events["occurred_at"], transfers["payer_account"], at)
        for name in instants(kind, viewpoint):
            values = np.append(events[name], NEVER)
            found[f"{kind.name}: {name}"] = values[last]
    return found, at, frauds


def _last(owners: np.ndarray, when: np.ndarray, asked: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The place of each one's last event before an instant; -1 where there is none."""
    names, place = np.unique(np.concatenate([owners, asked]), return_inverse=True)
    mine, theirs = place[: len(owners)], place[len(owners) :]
    order = np.lexsort((when, mine))
    base = int(min(when.min(), at.min()))
    span = int(max(when.max(), at.max())) - base + 1
    assert len(names) * span < 2**63
    ranks = mine[order] * span + (when[order] - base)
    found = np.searchsorted(ranks, theirs * span + (at - base)) - 1
    has = (found >= 0) & (mine[order][found] == theirs)
    return np.where(has, order[found], -1)


def offences(seed: int, viewpoint: Viewpoint) -> Iterator[str]:
    found, at, frauds = of_transfers(seed, viewpoint)
    for name, values in found.items():
        for part, score in precisions(values, at, values == NEVER, frauds):
            if score > AVERAGE_PRECISION_MAX:
                yield f"seed {seed}, {viewpoint}: {name}: {part} reaches {score:.3f}"


@pytest.mark.parametrize("viewpoint", VIEWPOINTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_part_of_an_instant_finds_fraud(seed: int, viewpoint: Viewpoint):
    assert list(offences(seed, viewpoint)) == []


@pytest.mark.parametrize(
    ("name", "viewpoint"),
    [
        ("payee_account_opened_at", Viewpoint.PAYEE_PSP),
        ("payer_account_opened_at", Viewpoint.PAYER_PSP),
        ("dict_key_created_at", Viewpoint.PAYER_PSP),
        ("device_registered_at", Viewpoint.PAYER_PSP),
        ("logins: occurred_at", Viewpoint.PAYER_PSP),
    ],
)
def test_sabotage_an_instant_that_is_tied_to_its_fraud_is_noticed(name: str, viewpoint: Viewpoint):
    found, at, frauds = of_transfers(SEEDS[0], viewpoint)
    spoilt = np.where(frauds, at - DAY * (1 + at % 40) - HOUR, found[name])
    missing = spoilt == NEVER
    assert dict(precisions(spoilt, at, missing, frauds))["age modulo day"] > AVERAGE_PRECISION_MAX


def test_sabotage_whole_seconds_of_frauds_alone_are_noticed():
    found, at, frauds = of_transfers(SEEDS[0], Viewpoint.PAYEE_PSP)
    opened = found["payee_account_opened_at"]
    spoilt = np.where(frauds, opened // SECOND * SECOND, opened // SECOND * SECOND + 1000)
    nothing = np.zeros_like(frauds)
    assert dict(precisions(spoilt, at, nothing, frauds))["fraction"] > AVERAGE_PRECISION_MAX

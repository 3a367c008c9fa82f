"""Event streams of small worlds, gathered by kind, and what must be true of any of them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.simulator.columns import Columns, Piece
from crivo.simulator.events.kind import EventKind, Tier, default_kinds
from crivo.simulator.events.streams import EventStreams, joined
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.options import SimulationOptions
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows
from crivo.simulator.tables import TRANSFERS as TRANSFERS_TABLE
from crivo.simulator.tables import tables
from crivo.simulator.world import World, simulate

#: Small, and dense in fraud, so that a few days hold every kind of event.
DENSE = SimulationOptions(seed=23, days=12, scale=Decimal("0.6"), prevalence=Decimal("0.03"))

Cells = dict[str, np.ndarray]


@cache
def dense_world() -> World:
    return simulate(DENSE)


@cache
def _dense_shifts() -> tuple[tuple[Day, Rows], ...]:
    return tuple(dense_world().rows())


def dense_shifts() -> tuple[Day, ...]:
    """The days of the dense world, each of which is one shift where nothing made shifts shorter."""
    return tuple(shift for shift, _ in _dense_shifts())


def dense_rows() -> tuple[Rows, ...]:
    return tuple(rows for _, rows in _dense_shifts())


def pieces_of(
    viewpoint: Viewpoint,
    *,
    days: int | None = None,
    kinds: tuple[EventKind, ...] | None = None,
    rows: tuple[Rows, ...] | None = None,
) -> Iterator[Piece]:
    """The pieces of the dense world: of its first days alone, or of all and what comes after."""
    streams = EventStreams(dense_world(), viewpoint, kinds)
    for shift, of_shift in zip(dense_shifts(), rows or dense_rows(), strict=False):
        if days is None or shift.index < days:
            yield from streams.of_day(shift, of_shift)
    if days is None:
        yield from streams.rest()


@cache
def gathered(viewpoint: Viewpoint) -> dict[str, Columns]:
    """All events of the dense world by kind."""
    found: dict[str, Columns] = {}
    for piece in pieces_of(viewpoint):
        columns = piece.columns
        found[piece.table] = (
            joined(found[piece.table], columns) if piece.table in found else columns
        )
    return found


def cells(kind: str, viewpoint: Viewpoint = Viewpoint.PAYER_PSP) -> Cells:
    """The values of one kind's events by field."""
    return {column.name: column.values for column in gathered(viewpoint)[kind]}


def missing(kind: str, viewpoint: Viewpoint = Viewpoint.PAYER_PSP) -> Cells:
    """For each field of one kind's events whether it is null."""
    return {
        column.name: np.zeros(len(column.values), bool)
        if column.missing is None
        else column.missing
        for column in gathered(viewpoint)[kind]
    }


@cache
def world_ids() -> np.ndarray:
    """The EndToEndIds of the dense world's transfers, by time: those of the other tables."""
    parts = [
        columns[0].values for name, columns in tables(dense_world()) if name == TRANSFERS_TABLE
    ]
    return np.concatenate(parts)


def fullest(kind: EventKind) -> Viewpoint:
    """The viewpoint that sees the most of a kind."""
    seen = {
        viewpoint: sum(viewpoint in field.seen_by for field in kind.fields)
        for viewpoint in Viewpoint
    }
    return max(seen, key=lambda viewpoint: seen[viewpoint])


@cache
def decided_at() -> dict[bytes, int]:
    """The decision instant of every transfer by EndToEndId."""
    transfers = cells("transfers")
    return dict(
        zip(transfers["end_to_end_id"].tolist(), transfers["received_at"].tolist(), strict=True)
    )


def offences(kind: EventKind, pieces: list[Piece]) -> Iterator[str]:
    """What is wrong with a kind, seen from all of its pieces."""
    if not (kind.meaning and kind.source and all(field.meaning for field in kind.fields)):
        yield "says too little about itself"
    nullable = {field.name for field in kind.fields if field.nullable}
    last = 0
    for piece in pieces:
        values = {column.name: column.values for column in piece.columns}
        received_at = values["received_at"]
        if len(piece) == 0:
            yield "has an empty piece"
        if received_at[0] < last or (np.diff(received_at) < 0).any():
            yield "is not in time order"
        last = int(received_at[-1])
        if (values["occurred_at"] > received_at).any():
            yield "is known before it happens"
        dates = np.unique((received_at + BRASILIA_OFFSET) // DAY)
        if [np.datetime64(int(date), "D").item() for date in dates] != [piece.day]:
            yield "lies under another day"
        for column in piece.columns:
            if len(column.values) != len(received_at):
                yield f"has a column {column.name} of another length"
            if column.missing is not None and column.missing.any() and column.name not in nullable:
                yield f"lacks {column.name}"
    yield from _tier_offences(kind, pieces)


def _tier_offences(kind: EventKind, pieces: list[Piece]) -> Iterator[str]:
    """What is known before a decision may not come after it, and the reverse."""
    for piece in pieces:
        columns = {column.name: column for column in piece.columns}
        if "end_to_end_id" not in columns:
            continue
        ids, absent = columns["end_to_end_id"].values, columns["end_to_end_id"].missing
        named = np.ones(len(ids), bool) if absent is None else ~absent
        decided = np.asarray([decided_at()[each] for each in ids[named].tolist()])
        received = columns["received_at"].values[named]
        match kind.tier:
            case Tier.DECISION:
                late = received > decided
            case Tier.LATER:
                late = received <= decided
        if late.any():
            yield "is known at another time than its tier says"


def kinds_by_name() -> dict[str, EventKind]:
    return {kind.name: kind for kind in default_kinds()}

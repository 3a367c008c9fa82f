"""The event streams of a world as one institution, or the rail, sees them: day by day, in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

import numpy as np

from crivo.domain.instant import BRASILIA_OFFSET, DAY
from crivo.simulator.columns import Column, Columns, Piece
from crivo.simulator.draws import Bools, Int64s
from crivo.simulator.events.chronicle import Chronicle
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import RECEIVED_AT, SAME_PSP, SENT, EventKind, default_kinds
from crivo.simulator.events.viewpoint import Viewpoint
from crivo.simulator.rhythm import Day
from crivo.simulator.rows import Rows
from crivo.simulator.world import Progress, World

_EPOCH: Final = dt.date(1970, 1, 1)


#: A kind's events are put in order so many at a time.
BLOCK_ROWS: Final = 4_096


class EventStreams:
    """The events that follow from a world's transfers, in one walk through its days.

    `of_day` must be read once for each day or shift that `World.rows` yields, in order. Memory
    holds one shift, what the chronicle remembers and the events that lie ahead (reports, returns).
    """

    def __init__(
        self, world: World, viewpoint: Viewpoint, kinds: tuple[EventKind, ...] | None = None
    ) -> None:
        every = default_kinds() if kinds is None else kinds
        self.kinds: Final = tuple(kind for kind in every if viewpoint in kind.seen_by)
        self._viewpoint = viewpoint
        self._chronicle = Chronicle(world)
        self._ahead: dict[str, Columns] = {}

    def of_day(self, day: Day, rows: Rows) -> Iterator[Piece]:
        """What is received that day or shift, by kind in pieces; to be read to its end.

        A kind's events are made when they are asked for, so that memory holds those of one kind.
        """
        facts = self._chronicle.day(day, rows)
        for kind in self.kinds:
            for columns in self._due(kind, facts, day):
                yield Piece(kind.name, _seen(kind, columns, self._viewpoint), day.date)

    def rest(self) -> Iterator[Piece]:
        """What is received after the world's last day, by kind and date."""
        for kind in self.kinds:
            if kind.name not in self._ahead:
                continue
            columns = self._ahead.pop(kind.name)
            dates = (_values(columns, RECEIVED_AT) + BRASILIA_OFFSET) // DAY
            for date in np.unique(dates).tolist():
                mine = taken(columns, np.flatnonzero(dates == date))
                seen = _seen(kind, mine, self._viewpoint)
                yield Piece(kind.name, seen, _EPOCH + dt.timedelta(date))

    def _due(self, kind: EventKind, facts: DayFacts, day: Day) -> Iterator[Columns]:
        """What is received until the day or shift ends, by time; the rest waits."""
        columns = _visible_rows(kind.columns(facts), self._viewpoint)
        if kind.name in self._ahead:
            columns = joined(self._ahead.pop(kind.name), columns)
        received_at = _values(columns, RECEIVED_AT)
        order = np.argsort(received_at, kind="stable")
        due = int(np.searchsorted(received_at[order], day.end))
        if due < len(order):
            self._ahead[kind.name] = taken(columns, order[due:])
        for first in range(0, due, BLOCK_ROWS):
            yield taken(columns, order[first : min(first + BLOCK_ROWS, due)])


def events(world: World, viewpoint: Viewpoint, progress: Progress | None = None) -> Iterator[Piece]:
    """All pieces of a world, each kind's in time order: the days', then what came after them."""
    streams = EventStreams(world, viewpoint)
    for day, rows in world.rows(progress):
        yield from streams.of_day(day, rows)
    yield from streams.rest()


def taken(columns: Columns, places: Int64s) -> Columns:
    """The events at these places."""
    return tuple(
        Column(
            column.name,
            column.kind,
            column.values[places],
            None if column.missing is None else column.missing[places],
        )
        for column in columns
    )


def joined(first: Columns, second: Columns) -> Columns:
    """The events of both, one after the other; the columns are the same."""
    return tuple(
        Column(
            one.name,
            one.kind,
            np.concatenate([one.values, other.values]),
            _joined_masks(one, other),
        )
        for one, other in zip(first, second, strict=True)
    )


def _joined_masks(one: Column, other: Column) -> Bools | None:
    if one.missing is None and other.missing is None:
        return None
    masks = [
        np.zeros(len(each.values), dtype=np.bool_) if each.missing is None else each.missing
        for each in (one, other)
    ]
    return np.concatenate(masks)


def _values(columns: Columns, name: str) -> Int64s:
    return next(column.values for column in columns if column.name == name).astype(np.int64)


def _visible_rows(columns: Columns, viewpoint: Viewpoint) -> Columns:
    """Without what stayed inside the payer's institution, or, for the rail, inside one of both."""
    flags = {
        column.name: column.values.astype(np.bool_)
        for column in columns
        if column.name in (SAME_PSP, SENT)
    }
    hidden = [~flags[SENT]] if SENT in flags and viewpoint is not Viewpoint.PAYER_PSP else []
    if SAME_PSP in flags and viewpoint is Viewpoint.RAIL:
        hidden.append(flags[SAME_PSP])
    if not hidden:
        return columns
    return taken(columns, np.flatnonzero(~np.logical_or.reduce(hidden)))


def _seen(kind: EventKind, columns: Columns, viewpoint: Viewpoint) -> Columns:
    visible = {field.name for field in kind.fields if viewpoint in field.seen_by}
    return tuple(column for column in columns if column.name in visible)

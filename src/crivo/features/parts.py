"""The parts of a plan: what is kept of whom, and how it is read."""

from __future__ import annotations

from typing import TypeVar

from crivo.domain.instant import DAY
from crivo.features import layout as k
from crivo.features.needs import Column, Edge
from crivo.features.spec import EventKind
from crivo.features.terms import FACTS
from crivo.features.window import Span, Window

_T = TypeVar("_T")


class Series:
    """The events of one kind of one table: its columns and its levels, and who takes part."""

    def __init__(self, table: int, event: EventKind) -> None:
        self.table, self.event = table, event
        self.columns: list[Column] = []
        self.levels: list[Window | None] = []
        self.at = 0

    def has_events(self) -> None:
        """Notes that the events themselves are needed."""
        place(self.levels, None)


class Group:
    """A series as one view reads it."""

    def __init__(self, series: Series, view: int) -> None:
        self.series, self.view = series, view
        self.edges: list[Edge] = []
        self.reads: list[tuple[Edge, Column]] = []
        self.base = 0

    def read(self, edge: Edge, column: Column) -> None:
        """Notes that a window's count or sum is read."""
        self.series.has_events()
        if edge.tiles is not None:
            place(self.series.levels, edge.tiles)
        place(self.series.columns, column)
        place(self.edges, edge)
        place(self.reads, (edge, column))

    def settle(self) -> None:
        """Orders edges and reads as the kernel wants them: exact windows first, longest first."""
        self.edges.sort(key=lambda edge: (edge.tile > 0, edge.tile < 0, -edge.length, edge.tile))
        place = {edge: number for number, edge in enumerate(self.edges)}
        columns = self.series.columns
        self.reads.sort(key=lambda read: (place[read[0]], columns.index(read[1])))

    def slot(self, edge: Edge, column: Column) -> int:
        """Where that count or sum stands among all values."""
        return self.base + k.VALUE_READS + self.reads.index((edge, column))


class Members:
    """Who takes part in the events of an owner."""

    def __init__(self, series: Series, link: Series, member: int) -> None:
        self.series, self.link, self.member = series, link, member
        self.longest = 0
        self.is_capped = False
        self.at = 0

    def read(self, window: Window) -> None:
        """Notes that members are counted over that window."""
        length = window.length if window.span is Span.SLIDING else DAY
        self.longest = max(self.longest, length)
        self.is_capped |= bool(window.tile)


class Facts:
    """What one kind of event tells of the keys of a table."""

    def __init__(self, table: int, event: EventKind) -> None:
        self.table, self.event = table, event
        self.at = 0

    @property
    def width(self) -> int:
        """Words of a row."""
        return k.FACT_VALUES + len(FACTS[self.event])


def place(items: list[_T], item: _T) -> None:
    """Appends the item where it is not there yet."""
    if item not in items:
        items.append(item)

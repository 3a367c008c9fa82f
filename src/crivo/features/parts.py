"""The parts of a plan: which events of which keys are kept, and how they are read."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

from crivo.domain.clock import SLACK
from crivo.domain.instant import DAY
from crivo.features import layout as k
from crivo.features.needs import Column, Edge
from crivo.features.postfix import postfix
from crivo.features.spec import Entity, EventKind, Feature, Filter, Statistic
from crivo.features.terms import FACTS
from crivo.features.window import Span, Window

_T = TypeVar("_T")

#: Each entity as (the table its events are kept in, the view it is read by).
VIEWS: Final = {
    Entity.PAYER: (k.PAYER, k.PAYER),
    Entity.PAYEE: (k.PAYEE, k.PAYEE),
    Entity.PAIR: (k.PAIR, k.PAIR),
    Entity.DEVICE: (k.DEVICE, k.DEVICE),
    Entity.INSTITUTION: (k.INSTITUTION, k.INSTITUTION),
    Entity.PAYER_DEVICE: (k.PAYER_DEVICE, k.PAYER_DEVICE),
    Entity.PAYER_INSTITUTION: (k.PAYER_INSTITUTION, k.PAYER_INSTITUTION),
    Entity.PAYER_RECEIVING: (k.PAYEE, k.PAYER_RECEIVING),
    Entity.PAYEE_SENDING: (k.PAYER, k.PAYEE_SENDING),
    Entity.PAIR_REVERSED: (k.PAIR, k.PAIR_REVERSED),
    Entity.PAYEE_KEY: (k.PAYEE_KEY, k.PAYEE_KEY),
    Entity.PAYEE_PERSON: (k.PAYEE_PERSON, k.PAYEE_PERSON),
}
#: Where the key of a view that is no link stands in a row.
KEYS: Final = {
    k.PAYER: k.ROW_PAYER,
    k.PAYEE: k.ROW_PAYEE,
    k.DEVICE: k.ROW_DEVICE,
    k.INSTITUTION: k.ROW_PAYEE_ISPB,
    k.PAYER_RECEIVING: k.ROW_PAYER,
    k.PAYEE_SENDING: k.ROW_PAYEE,
    k.PAYEE_KEY: k.ROW_PAYEE_KEY,
    k.PAYEE_PERSON: k.ROW_PAYEE_PERSON,
}
#: The two heads that a link, or the pair turned round, is found by.
ENDS: Final = {
    k.PAIR: (k.PAYER, k.PAYEE),
    k.PAYER_DEVICE: (k.PAYER, k.DEVICE),
    k.PAYER_INSTITUTION: (k.PAYER, k.INSTITUTION),
    k.PAIR_REVERSED: (k.PAYEE_SENDING, k.PAYER_RECEIVING),
    k.PAYEE_INSTITUTION: (k.PAYEE, k.INSTITUTION),
    k.PAIR_DEVICE: (k.PAIR, k.DEVICE),
}


class Series:
    """The events of one kind of one table: its columns and its levels, and who takes part."""

    def __init__(self, table: int, event: EventKind) -> None:
        self.table, self.event = table, event
        self.columns: list[Column] = []
        self.levels: list[Window | None] = []
        self.at = 0

        self._reads: set[tuple[Window | None, Column]] = set()

    def has_events(self) -> None:
        """Notes that the events themselves are needed."""
        place(self.levels, None)

    def read(self, tiles: Window | None, column: Column) -> None:
        """Notes that a column is read from the events to the edge of a window, or to its tile's."""
        self.has_events()
        place(self.levels, tiles)
        place(self.columns, column)
        self._reads.add((tiles, column))

    def settle(self) -> None:
        """Orders the columns so that each level's rows can leave out the last ones."""
        wanted = [column for tiles, column in self._reads if tiles is not None]
        self.columns.sort(key=lambda column: -wanted.count(column))

    def width(self, level: Window | None) -> int:
        """Words of a row. That of an event has every column: each window ends with one."""
        if level is None:
            return 1 + len(self.columns)
        read = [column for tiles, column in self._reads if tiles == level]
        return 2 + max(self.columns.index(column) for column in read)


class Group:
    """A series as one view reads it."""

    def __init__(self, series: Series, view: int) -> None:
        self.series, self.view = series, view
        self.edges: list[Edge] = []
        self.reads: list[tuple[Edge, Column]] = []
        self.base = 0

    def read(self, edge: Edge, column: Column) -> None:
        """Notes that a window's count or sum is read."""
        self.series.read(edge.tiles, column)
        place(self.edges, edge)
        place(self.reads, (edge, column))

    def settle(self) -> None:
        """Orders edges and reads as the kernel wants them: exact windows first, longest first."""
        self.edges.sort(key=lambda edge: (edge.tile > 0, edge.tile < 0, -edge.length, edge.tile))
        order = {edge: number for number, edge in enumerate(self.edges)}
        columns = self.series.columns
        self.reads.sort(key=lambda read: (order[read[0]], columns.index(read[1])))

    def slot(self, edge: Edge, column: Column) -> int:
        """Where that count or sum stands among all values."""
        return self.base + k.VALUE_READS + self.reads.index((edge, column))


class Meeting:
    """When the two of a link met last in a transfer that meets a condition."""

    def __init__(self, link: int, condition: Filter) -> None:
        self.link, self.condition = link, condition
        self.at = self.lane = 0


class Members:
    """Who takes part in the events of an owner that meet a condition.

    Of all events the link's own series says when owner and member met last; of others a meeting.
    """

    def __init__(self, series: Series, link: int, member: int, meeting: Meeting | None) -> None:
        self.series, self.link, self.member, self.meeting = series, link, member, meeting
        self.longest = 0
        self.is_capped = False
        self.at = 0

    @property
    def condition(self) -> Filter | None:
        """What the events must meet."""
        return None if self.meeting is None else self.meeting.condition

    @property
    def before(self) -> int:
        """The lane of when owner and member met last, before the event."""
        return k.LANE_BEFORE + self.link if self.meeting is None else self.meeting.lane

    def read(self, window: Window) -> None:
        """Notes that members are counted over that window."""
        length = window.length if window.span is Span.SLIDING else DAY
        self.longest = max(self.longest, length)
        self.is_capped |= bool(window.tile)


class Facts:
    """A list of what one kind of event tells of the keys of a table: facts, as they stand."""

    source = k.ROW_FACTS
    condition: Filter | None = None
    tile = 0

    def __init__(self, table: int, event: EventKind) -> None:
        self.table, self.event = table, event
        self.keep = SLACK
        self.at = 0

    @property
    def width(self) -> int:
        """Words of a row."""
        return k.FACT_VALUES + len(FACTS[self.event])


class Listed(Facts):
    """A list of events that meet a condition, with their amounts: all, or the first of a tile."""

    source = k.ROW_AMOUNT

    def __init__(self, table: int, event: EventKind, condition: Filter | None, tile: int) -> None:
        super().__init__(table, event)
        self.condition, self.tile = condition, tile

    @property
    def width(self) -> int:
        """Words of a row."""
        return k.FACT_VALUES + 1

    def read(self, window: Window, *, is_first: bool) -> None:
        """Notes that the first of a window is read, back to its beginning, or the last."""
        if is_first:
            length = window.length if window.span is Span.SLIDING else DAY
            self.keep = max(self.keep, length + SLACK)


class Amounts:
    """The events of a series that meet a condition, one by one."""

    def __init__(self, series: Series, condition: Filter | None) -> None:
        self.series, self.condition = series, condition
        self.keep = self.rank_keep = -1
        self.tiles: list[Window] = []
        self.at = 0

    def read(self, window: Window, *, is_rank: bool) -> None:
        """Notes that extremes, or a rank, are asked of that window."""
        length = {Span.SLIDING: window.length, Span.EVER: 0}.get(window.span, DAY)
        if is_rank:
            self.rank_keep = max(self.rank_keep, length + SLACK)
            return
        if window.tile:
            place(self.tiles, window)
        self.keep = max(self.keep, (window.tile or length) + SLACK)


class Extreme(NamedTuple):
    """A window of a list of amounts, as one view reads it."""

    amounts: Amounts
    view: int
    window: Window
    is_rank: bool


class Firsts:
    """What the first event of a kind that meets a condition told: facts, or its amount."""

    def __init__(self, table: int, event: EventKind, condition: Filter | None) -> None:
        self.table, self.event, self.condition = table, event, condition
        self.at = 0

    @property
    def source(self) -> int:
        """Where the values begin in a row."""
        return k.ROW_FACTS if self.event in FACTS else k.ROW_AMOUNT

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(FACTS.get(self.event, (None,)))


class Earliest(NamedTuple):
    """First tellings as one view reads them."""

    firsts: Firsts
    view: int


class Pick(NamedTuple):
    """The first or last event of a window of a list, as one view reads it."""

    listed: Listed
    view: int
    window: Window
    is_first: bool


class Exposed(NamedTuple):
    """A window of an account's exposures, as one view reads it, or the last of them all."""

    table: int
    view: int
    window: Window
    is_last: bool


class Count(NamedTuple):
    """Members counted in a window, of the owner that a view looks at."""

    members: Members
    view: int
    window: Window


class Told(NamedTuple):
    """Facts as one view reads them."""

    facts: Facts
    view: int


class Conditions:
    """The conditions that are judged once for each row, by number."""

    def __init__(self) -> None:
        self.begins: list[int] = []
        self.code: list[int] = []
        self._numbers: dict[str, int] = {}

    def number(self, condition: Filter | None) -> int:
        """The condition's number, which is new where it is; -1 for no condition."""
        if condition is None:
            return -1
        text = condition.expression.to_json()
        if text not in self._numbers:
            self._numbers[text] = len(self.begins)
            self.begins.append(len(self.code))
            self.code += [*postfix(condition.expression), k.END, 0]
        return self._numbers[text]


def beside_transfers(
    series: list[Series], facts: list[Facts], firsts: list[Firsts]
) -> list[tuple[int, EventKind]]:
    """(table, event) of all that is kept in annexes."""
    found = [(each.table, row_of(each.event)) for each in series]
    found += [(each.table, each.event) for each in facts]
    found += [(each.table, each.event) for each in firsts]
    return [(table, event) for table, event in found if event is not EventKind.TRANSFER]


def row_of(event: EventKind) -> EventKind:
    """The kind of the rows that make such events: a new pair is a transfer."""
    return EventKind.TRANSFER if event is EventKind.NEW_PAIR else event


def is_earliest(feature: Feature) -> bool:
    """Whether it reads what the first event ever told; a series knows when that was, of all."""
    if feature.window.span is not Span.EVER:
        return False
    of_some = feature.statistic is Statistic.SINCE_FIRST and feature.filter is not None
    return feature.statistic is Statistic.FIRST or of_some


def is_pick(feature: Feature) -> bool:
    """Whether it reads a single event of a list; a series knows when the last was, of all."""
    match feature.statistic:
        case Statistic.FIRST | Statistic.SINCE_FIRST:
            return feature.window.span is not Span.EVER
        case Statistic.LAST:
            return feature.event not in FACTS
        case Statistic.SINCE_LAST:
            return feature.filter is not None
        case _:
            return False


def depth_of(view: int) -> int:
    """In which step a view's heads are looked for: a link's after those of its ends."""
    return 1 + max(map(depth_of, ENDS[view])) if view in ENDS else 0


def lane_of(view: int, event: EventKind) -> int:
    """The lane of what a view keeps of events of a kind: its head's, or its annex's."""
    return view if row_of(event) is EventKind.TRANSFER else k.LANE_ANNEX + view


def place(items: list[_T], item: _T) -> None:
    """Appends the item where it is not there yet."""
    if item not in items:
        items.append(item)

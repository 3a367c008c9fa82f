"""What a feature reads of the series of events: windows' counts and sums."""

from __future__ import annotations

from typing import Final, NamedTuple

from crivo.domain.instant import DAY
from crivo.features import layout as k
from crivo.features.spec import DECAY_PARTS, Entity, EventKind, Feature, Filter, Statistic
from crivo.features.window import Span, Window

_SENT_AND_RECEIVED: Final = {
    Entity.PAYER: (Entity.PAYER, Entity.PAYER_RECEIVING),
    Entity.PAYEE: (Entity.PAYEE_SENDING, Entity.PAYEE),
}


class Column(NamedTuple):
    """What a series adds up: a count, amounts or parts of their squares, of which events."""

    kind: int
    condition: Filter | None


class Edge(NamedTuple):
    """Where a window begins: a length before the instant, rounded to a tile, or a part of a day."""

    length: int
    tile: int
    tiles: Window | None  # whose level the rows are of; None: the events themselves


class Need(NamedTuple):
    """One value that a feature reads."""

    entity: Entity
    event: EventKind
    edge: Edge
    column: Column


def edge_of(window: Window) -> Edge:
    """Where a window begins."""
    match window.span:
        case Span.TODAY:
            return Edge(DAY, k.TILE_TODAY, None)
        case Span.TONIGHT:
            return Edge(DAY, k.TILE_TONIGHT, None)
        case Span.OWN_NIGHT:
            return Edge(DAY, k.TILE_OWN_NIGHT, None)
        case Span.EVER:
            return Edge(0, k.TILE_EVER, None)
        case _:
            return Edge(window.length, window.tile, window if window.tile else None)


def needs_of(feature: Feature) -> list[Need]:
    """The values that a feature reads, in the order of its operation's arguments."""
    entity, event, condition = feature.entity, feature.event, feature.filter
    edge = edge_of(feature.window)
    count, amount = Column(k.COLUMN_COUNT, condition), Column(k.COLUMN_AMOUNT, condition)
    match feature.statistic:
        case Statistic.SINCE_LAST | Statistic.SINCE_FIRST | Statistic.LAST | Statistic.AGE:
            return []
        case Statistic.MIN | Statistic.MAX | Statistic.RANK | Statistic.FIRST:
            return []
        case Statistic.USED:
            kinds = (EventKind.TRANSFER, EventKind.UNDOING)
            return [
                Need(entity, kind, edge, column) for kind in kinds for column in (count, amount)
            ]
        case Statistic.COUNT:
            wanted = [count]
        case Statistic.STD | Statistic.Z_SCORE:
            high = Column(k.COLUMN_SQUARE_HIGH, condition)
            wanted = [count, amount, high, Column(k.COLUMN_SQUARE_LOW, condition)]
        case Statistic.DECAYED_COUNT | Statistic.DECAYED_SUM:
            column = count if feature.statistic is Statistic.DECAYED_COUNT else amount
            assert DECAY_PARTS == k.DECAY_PARTS, "the kernel adds as many parts"
            parts = [
                edge._replace(length=edge.length * part // DECAY_PARTS)
                for part in range(1, DECAY_PARTS + 1)
            ]
            whole = Need(entity, event, edge, count)
            return [whole, *(Need(entity, event, part, column) for part in parts)]
        case Statistic.PER_TRANSFER:
            transfers = Need(entity, EventKind.TRANSFER, edge, Column(k.COLUMN_COUNT, None))
            return [Need(entity, event, edge, count), transfers]
        case Statistic.SHARE:
            wanted = [count, Column(k.COLUMN_COUNT, None)]
        case Statistic.PASS_THROUGH:
            roles = _SENT_AND_RECEIVED[entity]
            return [Need(role, event, edge, column) for role in roles for column in (count, amount)]
        case _:
            wanted = [count, amount]
    return [Need(entity, event, edge, column) for column in wanted]

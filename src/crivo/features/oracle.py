"""The oracle: plain Python that keeps every event and takes each definition at its word.

It is slow, and anyone can read it. An engine is right where it agrees with it, bit for bit. It
shares no code with the kernel: what a window is stands here a second time, on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crivo.domain.clock import ALLOWED_LATENESS, SLACK
from crivo.domain.instant import SECOND, brasilia_hour, brasilia_weekday
from crivo.features.expression import Expression, Field, Parameter, Scalar
from crivo.features.row import ABSENT, EVENT_ROW, RowKind
from crivo.features.spec import (
    FIRST_SEEN_MAX,
    NIGHT,
    TILES,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Span,
    Statistic,
    Window,
)

#: A window with as many events is too full to be exact (the contract, §4).
SATURATION: Final = 2**23

_KINDS: Final = {EventKind.TRANSFER: RowKind.TRANSFER, EventKind.REPORT: RowKind.REPORT}

Row = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A vector (null as None) and what must be said of it."""

    values: tuple[float | None, ...]
    late: bool
    behind: bool
    saturated: bool


class Oracle:
    """Vectors of transfers over every row folded before them."""

    def __init__(self, features: FeatureSet, *, saturation: int = SATURATION) -> None:
        self._features = features.features
        self._saturation = saturation
        self._events: list[Row] = []

    def fold(self, row: Row) -> None:
        """The row counts from now on, unless it is a late transfer."""
        if not _is_late(row):
            self._events.append(row)

    def read(self, row: Row) -> Answer:
        """The vector of a transfer; nothing changes."""
        asked = _Asked(row, self._events, self._saturation)
        values = tuple(asked.value(feature) for feature in self._features)
        for feature in self._features:
            if feature.entity is not Entity.TRANSFER:
                asked.look_behind(feature)
        return Answer(values, _is_late(row), asked.behind, asked.saturated)


def rows_as_mappings(rows: Any) -> list[Row]:
    """`EVENT_ROW` rows as plain integers by name."""
    names = EVENT_ROW.names or ()
    return [dict(zip(names, row.tolist(), strict=True)) for row in rows]


class _Asked:
    """One transfer, and the events it may look at."""

    def __init__(self, row: Row, events: Sequence[Row], saturation: int) -> None:
        self._row = row
        self._events = events
        self._saturation = saturation
        self.behind = False
        self.saturated = False

    def value(self, feature: Feature) -> float | None:
        """One feature of the transfer; None is null."""
        if feature.statistic is Statistic.VALUE:
            return float(_measured(self._row, feature.measure))
        if feature.statistic is Statistic.SINCE_FIRST:
            return self._since_first(feature)
        if feature.statistic is Statistic.SINCE_LAST:
            return self._since_last(feature)
        counted = self._window(feature, feature.event, feature.filter)
        full = len(counted) >= self._saturation
        self.saturated |= full
        if feature.statistic is Statistic.COUNT:
            return float(min(len(counted), self._saturation))
        if feature.statistic is Statistic.PER_TRANSFER:
            transfers = self._window(feature, EventKind.TRANSFER, None)
            self.saturated |= len(transfers) >= self._saturation
            if full or not transfers or len(transfers) >= self._saturation:
                return None
            return float(len(counted)) / float(len(transfers))
        total = sum(event["amount_centavos"] for event in counted)
        if full or (feature.statistic is not Statistic.SUM and not counted):
            return None
        match feature.statistic:
            case Statistic.SUM:
                return float(total)
            case Statistic.MEAN:
                return float(total) / float(len(counted))
            case Statistic.RATIO:
                return float(self._row["amount_centavos"] * len(counted)) / float(total)
            case _:
                raise AssertionError(feature.statistic)

    def look_behind(self, feature: Feature) -> None:
        """Notes where a key of the feature must be read later than the transfer's own instant."""
        self._instant(self._keyed(feature.entity, feature.event))

    def _since_first(self, feature: Feature) -> float | None:
        events = self._keyed(feature.entity, feature.event)
        instant = self._instant(events)
        earlier = [e["occurred_at"] for e in events if e["occurred_at"] < instant]
        if not earlier:
            return None
        return float(min(instant - min(earlier), FIRST_SEEN_MAX)) / float(SECOND)

    def _since_last(self, feature: Feature) -> float | None:
        events = self._keyed(feature.entity, feature.event)
        instant = self._instant(events)
        start = _start(feature.window, instant)
        within = [e["occurred_at"] for e in events if start <= e["occurred_at"] < instant]
        return float(instant - max(within)) / float(SECOND) if within else None

    def _window(self, feature: Feature, kind: EventKind, condition: Filter | None) -> list[Row]:
        """The entity's events of this kind in the window before the transfer."""
        events = self._keyed(feature.entity, kind)
        instant = self._instant(events)
        start = _start(feature.window, instant)
        return [
            event
            for event in events
            if start <= event["occurred_at"] < instant
            and (condition is None or _holds(condition.expression, event))
        ]

    def _instant(self, events: Sequence[Row]) -> int:
        """When a key is read: at the transfer, but never before its newest event less slack."""
        instant = self._row["occurred_at"]
        newest = max((event["occurred_at"] for event in events), default=instant)
        if newest - SLACK > instant:
            self.behind = True
            return newest - SLACK
        return instant

    def _keyed(self, entity: Entity, kind: EventKind) -> list[Row]:
        """The events of the transfer's payer, payee, or both."""
        names: dict[Entity, tuple[str, ...]] = {
            Entity.PAYER: ("payer_0", "payer_1"),
            Entity.PAYEE: ("payee_0", "payee_1"),
            Entity.PAIR: ("payer_0", "payer_1", "payee_0", "payee_1"),
        }
        return [
            event
            for event in self._events
            if event["kind"] == _KINDS[kind]
            and all(event[name] == self._row[name] for name in names[entity])
        ]


def _start(window: Window, instant: int) -> int:
    """The first microsecond that counts: after t − W, or the first tile's start after it."""
    assert window.span is Span.SLIDING
    if window.minutes <= 24 * 60:
        return instant - window.length + 1
    tile = window.length // TILES
    return ((instant - window.length) // tile + 1) * tile


def _is_late(row: Row) -> bool:
    is_transfer = row["kind"] == RowKind.TRANSFER
    return is_transfer and row["received_at"] - row["occurred_at"] > ALLOWED_LATENESS


def _measured(row: Row, measure: Measure) -> int:
    match measure:
        case Measure.AMOUNT:
            return row["amount_centavos"]
        case Measure.HOUR:
            return brasilia_hour(row["occurred_at"])
        case Measure.WEEKDAY:
            return brasilia_weekday(row["occurred_at"])
        case Measure.NIGHT:
            return int(_holds(NIGHT.expression, row))
        case Measure.TRANSFER | Measure.REPORT:
            raise AssertionError(measure)


def _holds(expression: Expression, row: Row) -> bool:
    """Whether an event passes; where a null is read it does not."""

    def lookup(operand: Field | Parameter) -> Scalar | None:
        match operand.name:
            case "hour":
                return brasilia_hour(row["occurred_at"])
            case "weekday":
                return brasilia_weekday(row["occurred_at"])
            case name:
                return None if row[name] == ABSENT else row[name]

    return expression.evaluate(lookup) is True


def differs(found: float, wanted: float | None) -> bool:
    """Whether an engine's value is another than the oracle's, to the last bit."""
    if wanted is None:
        return not math.isnan(found)
    return found.hex() != wanted.hex()

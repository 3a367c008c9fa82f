"""The oracle: plain Python that keeps every event and takes each definition at its word.

It is slow, and anyone can read it: what is asked of a window is counted anew each time, event by
event. An engine is right where it agrees with it, bit for bit. It shares no code with the kernel:
what a window is stands here a second time, on purpose.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from crivo.domain.clock import READ_BACK, SLACK
from crivo.domain.instant import SECOND
from crivo.features.oracle_events import PARTIES, Events, between
from crivo.features.oracle_terms import (
    Row,
    exposures,
    firsts,
    is_day,
    is_late,
    measured,
    of_amounts,
    of_order,
    party_of,
    passes,
    tile_of,
    tile_start,
    window_start,
)
from crivo.features.row import ABSENT, EVENT_ROW
from crivo.features.spec import (
    DECAY_PARTS,
    FIRST_SEEN_MAX,
    MEMBERS_MAX,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Statistic,
)
from crivo.features.terms import ACCOUNTS, FACTS
from crivo.features.window import NIGHT_BEGINS, Span, Window

#: A window with as many events is too full to be exact (the contract, §4).
SATURATION: Final = 2**23

_MEMBERS: Final = {
    Measure.PAYER: "payer",
    Measure.PAYEE: "payee",
    Measure.DEVICE: "device",
    Measure.INSTITUTION: "payee_ispb",
}
_SENT_AND_RECEIVED: Final = {
    Entity.PAYER: (Entity.PAYER, Entity.PAYER_RECEIVING),
    Entity.PAYEE: (Entity.PAYEE_SENDING, Entity.PAYEE),
}

_OF_SINGLE_EVENTS: Final = (
    Statistic.FIRST,
    Statistic.LAST,
    Statistic.SINCE_FIRST,
    Statistic.SINCE_LAST,
)
_OF_ORDER: Final = (Statistic.MIN, Statistic.MAX, Statistic.RANK)


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
        self._events = Events()

    def fold(self, row: Row) -> None:
        """The row counts from now on, unless it is a late transfer."""
        if not is_late(row):
            self._events.add(row)

    def read(self, row: Row) -> Answer:
        """The vector of a transfer; nothing changes."""
        asked = _Asked(row, self._events, self._saturation)
        values = tuple(asked.value(feature) for feature in self._features)
        for feature in self._features:
            if feature.entity is not Entity.TRANSFER and not _is_never_behind(feature):
                asked.look_behind(feature)
        return Answer(values, is_late(row), asked.behind, asked.saturated)


def rows_as_mappings(rows: Any) -> list[Row]:
    """`EVENT_ROW` rows as plain integers by name."""
    names = EVENT_ROW.names or ()
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]


class _Asked:
    """One transfer, and the events it may look at."""

    def __init__(self, row: Row, events: Events, saturation: int) -> None:
        self._row = row
        self._events = events
        self._saturation = saturation
        #: What `_keyed` found.
        self._found: dict[tuple[Entity, EventKind], tuple[Sequence[Row], int]] = {}
        earliest = row["received_at"] - READ_BACK
        self._read_at = max(row["occurred_at"], earliest)
        self.behind = row["occurred_at"] < earliest
        self.saturated = False

    def value(self, feature: Feature) -> float | None:
        """One feature of the transfer; None is null."""
        if feature.statistic is Statistic.VALUE:
            return float(measured(self._row, feature.measure))
        if feature.event is EventKind.EXPOSURE:
            return self._exposed(feature)
        if _is_of_facts(feature):
            return self._of_facts(feature)
        entity, window = feature.entity, feature.window
        if self._is_day(entity, window, feature.event):
            return None
        if feature.statistic in _OF_SINGLE_EVENTS:
            return self._single(feature)
        if feature.statistic is Statistic.DISTINCT:
            return self._distinct(feature)
        counted = self._window(entity, window, feature.event, feature.filter)
        if feature.statistic in _OF_ORDER:
            return of_order(feature.statistic, counted, own=self._row["amount_centavos"])
        full = self._is_full(counted)
        if feature.statistic is Statistic.COUNT:
            return float(min(len(counted), self._saturation))
        if feature.statistic in (Statistic.PER_TRANSFER, Statistic.SHARE):
            is_share = feature.statistic is Statistic.SHARE
            among = feature.event if is_share else EventKind.TRANSFER
            others = self._window(entity, window, among, None)
            if self._is_full(others) or full or not others:
                return None
            return float(len(counted)) / float(len(others))
        if feature.statistic is Statistic.PASS_THROUGH:
            return self._pass_through(entity, window)
        if full:
            return None
        if feature.statistic in (Statistic.DECAYED_COUNT, Statistic.DECAYED_SUM):
            return self._decayed(feature)
        return of_amounts(feature.statistic, counted, own=self._row["amount_centavos"])

    def _decayed(self, feature: Feature) -> float:
        """Halves the weight with each eighth of the window; the oldest part is added first."""
        window, total = feature.window, 0.0
        events, instant = self._keyed(feature.entity, feature.event)
        starts = [instant]
        for part in range(1, DECAY_PARTS + 1):
            length = window.length * part // DECAY_PARTS
            starts.append(tile_start(instant - length, tile_of(window)))
        parts = []
        for newer, older in itertools.pairwise(starts):
            within = [e for e in between(events, older, newer) if passes(feature.filter, e)]
            of_amounts = feature.statistic is Statistic.DECAYED_SUM
            parts.append(sum(e["amount_centavos"] if of_amounts else 1 for e in within))
        for part in reversed(parts):
            total = total * 0.5 + float(part)
        return total

    def _pass_through(self, entity: Entity, window: Window) -> float | None:
        """What the account paid over what it received in the same window."""
        roles = [
            self._window(role, window, EventKind.TRANSFER, None)
            for role in _SENT_AND_RECEIVED[entity]
        ]
        full = [self._is_full(role) for role in roles]
        if any(full) or not roles[1]:
            return None
        sent, received = (sum(each["amount_centavos"] for each in role) for role in roles)
        return float(sent) / float(received)

    def _exposed(self, feature: Feature) -> float | None:
        """Of an account: marked accounts that it met, each from when both are so.

        A key's events are not looked at but an account's, and none is forgotten: it is never
        behind, nor saturated.
        """
        instant, window = self._row["occurred_at"], feature.window
        ((own, _),) = PARTIES[feature.entity].items()
        transfers = self._events.of(self._row, feature.entity, EventKind.TRANSFER)
        met = exposures(transfers, _other(own), self._events.marked)
        since = [each for each in met if each < instant]
        if feature.statistic is Statistic.COUNT:
            start = window_start(window, instant, NIGHT_BEGINS)
            return float(sum(start <= each for each in since))
        if not since:
            return None
        return float(min(instant - max(since), FIRST_SEEN_MAX)) / float(SECOND)

    def _distinct(self, feature: Feature) -> float:
        """How many others took part in the window's events."""
        name = _MEMBERS[feature.measure]
        events = self._window(feature.entity, feature.window, feature.event, feature.filter)
        members = {party_of(event, name) for event in events} - {None}
        limit = self._saturation
        if tile_of(feature.window):
            limit = min(limit, MEMBERS_MAX)
        self.saturated |= len(members) >= limit
        return float(min(len(members), limit))

    def _is_full(self, events: list[Row]) -> bool:
        """Whether a window holds too many events to be exact, which is said of the vector."""
        full = len(events) >= self._saturation
        self.saturated |= full
        return full

    def _is_day(self, entity: Entity, window: Window, event: EventKind) -> bool:
        """Whether a night is asked for, and the key is read at an hour that belongs to none."""
        if window.span not in (Span.TONIGHT, Span.OWN_NIGHT):
            return False
        _, instant = self._keyed(entity, event)
        return is_day(instant, self._night_begins(entity, window))

    def _night_begins(self, entity: Entity, window: Window) -> int:
        """The hour at which a night begins: the policy's, or what stands for the account."""
        if window.span is not Span.OWN_NIGHT:
            return NIGHT_BEGINS
        told, _ = self._fact(ACCOUNTS[entity], EventKind.NIGHT_START, Measure.NIGHT_START)
        return told if told is not None and 0 <= told < 24 else NIGHT_BEGINS

    def look_behind(self, feature: Feature) -> None:
        """Notes where a key of the feature must be read later than the transfer's own instant."""
        self._keyed(feature.entity, feature.event)

    def _single(self, feature: Feature) -> float | None:
        """The amount of the window's first or last event, or its age.

        Of two at one instant the lesser id is the first, and the greater the last.
        """
        events = self._window(feature.entity, feature.window, feature.event, feature.filter)
        if not events:
            return None
        is_first = feature.statistic in (Statistic.FIRST, Statistic.SINCE_FIRST)
        found = min(events, key=_in_order) if is_first else max(events, key=_in_order)
        if feature.statistic in (Statistic.FIRST, Statistic.LAST):
            return float(found["amount_centavos"])
        _, instant = self._keyed(feature.entity, feature.event)
        return float(min(instant - found["occurred_at"], FIRST_SEEN_MAX)) / float(SECOND)

    def _of_facts(self, feature: Feature) -> float | None:
        """A fact as it was first told or stands, the time since the instant that it names, or the
        use of a limit.
        """
        is_first = feature.statistic is Statistic.FIRST
        fact, instant = self._fact(feature.entity, feature.event, feature.measure, first=is_first)
        if feature.statistic is Statistic.USED:
            return self._used(feature, fact)
        if fact is None:
            return None
        if feature.statistic is Statistic.AGE:
            return float(max(instant - fact, 0)) / float(SECOND)
        return float(fact)

    def _fact(
        self, entity: Entity, event: EventKind, measure: Measure, *, first: bool = False
    ) -> tuple[int | None, int]:
        """The fact of the event that stands first or last, if it tells one; and when that was
        looked at.
        """
        events = self._events.of(self._row, entity, event)
        instant = self._instant_of_facts(events)
        standing = between(events, 0, instant)
        if not standing:
            return None, instant
        found = min(standing, key=_in_order) if first else max(standing, key=_in_order)
        fact = found[f"fact_{FACTS[event].index(measure)}"]
        return (None if fact == ABSENT else fact), instant

    def _instant_of_facts(self, events: Sequence[Row]) -> int:
        """When a key's facts are read. They may stand from later on than they are told, so that a
        key is behind by what was told.
        """
        instant = self._read_at
        told = max((min(e["occurred_at"], e["received_at"]) for e in events), default=instant)
        if told - SLACK > instant:
            self.behind = True
            return told - SLACK
        return instant

    def _used(self, feature: Feature, limit: int | None) -> float | None:
        """What was paid in the window, less what was undone of it, over the limit in force."""
        entity, window = feature.entity, feature.window
        kinds = (EventKind.TRANSFER, EventKind.UNDOING)
        sent, undone = (self._window(entity, window, kind, None) for kind in kinds)
        if self._is_day(entity, window, EventKind.TRANSFER):
            return None
        full = [self._is_full(events) for events in (sent, undone)]
        if any(full) or not limit:
            return None
        paid, back = (sum(each["amount_centavos"] for each in events) for events in (sent, undone))
        return float(max(paid - back, 0)) / float(limit)

    def _window(
        self, entity: Entity, window: Window, kind: EventKind, condition: Filter | None
    ) -> list[Row]:
        """The entity's events of this kind in the window before the transfer."""
        events, instant = self._keyed(entity, kind)
        start = window_start(window, instant, self._night_begins(entity, window))
        return [event for event in between(events, start, instant) if passes(condition, event)]

    def _instant(self, events: Sequence[Row]) -> int:
        """When a key is read: at the transfer, but never before its newest event less slack, nor
        longer than a day before the transfer's receipt.
        """
        instant = self._read_at
        newest = events[-1]["occurred_at"] if events else instant
        if newest - SLACK > instant:
            self.behind = True
            return newest - SLACK
        return instant

    def _keyed(self, entity: Entity, kind: EventKind) -> tuple[Sequence[Row], int]:
        """The events of this kind of the transfer's entity, and the instant at which they are read.

        A pair is new with the first of its transfers, which are what the key is read by.
        """
        if (entity, kind) not in self._found:
            self._found[entity, kind] = self._look_for(entity, kind)
        return self._found[entity, kind]

    def _look_for(self, entity: Entity, kind: EventKind) -> tuple[Sequence[Row], int]:
        if kind is EventKind.NEW_PAIR:
            transfers, instant = self._keyed(entity, EventKind.TRANSFER)
            ((own, _),) = PARTIES[entity].items()
            return firsts(transfers, _other(own)), instant
        events = self._events.of(self._row, entity, kind)
        return events, self._instant(events)


def _other(role: str) -> str:
    """The role of whom an account of that role meets."""
    return "payee" if role == "payer" else "payer"


def _is_never_behind(feature: Feature) -> bool:
    """Whether its events' newest instant is no matter: facts have another, exposures none."""
    return _is_of_facts(feature) or feature.event is EventKind.EXPOSURE


def _is_of_facts(feature: Feature) -> bool:
    """Whether it reads what was told, by when it was told."""
    of_either = feature.statistic in (Statistic.FIRST, Statistic.LAST)
    of_one = feature.statistic in (Statistic.AGE, Statistic.USED)
    return of_one or (of_either and feature.event in FACTS)


def _in_order(event: Row) -> tuple[int, int, int]:
    """Events by their instant, and those of one instant by their id."""
    return event["occurred_at"], event["event_0"], event["event_1"]


def differs(found: float, wanted: float | None) -> bool:
    """Whether an engine's value is another than the oracle's, to the last bit."""
    if wanted is None:
        return not math.isnan(found)
    return found.hex() != wanted.hex()

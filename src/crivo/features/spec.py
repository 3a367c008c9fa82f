"""What a feature is: a frozen declaration with a generated name, a hash of its meaning, a card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from crivo.domain.errors import Code, Misconfigured
from crivo.domain.instant import DAY, MINUTE
from crivo.features.expression import DEPTH_MAX, Expression, Field, Value, depth

#: Raised whenever an unchanged declaration comes to mean another number.
SEMANTICS_VERSION: Final = 1

#: Windows are exact up to this length, and begin at a tile's start beyond it.
EXACT_WINDOW_MAX_MINUTES: Final = 24 * 60
WINDOW_MAX_MINUTES: Final = 90 * 24 * 60

#: A window beyond 24 h has this many tiles.
TILES: Final = 128

#: The age of what was first seen longer ago than this reads as this.
FIRST_SEEN_MAX: Final = 400 * DAY


class Entity(StrEnum):
    """Whose events are aggregated; `transfer` aggregates nothing and reads the transfer itself."""

    TRANSFER = "transfer"
    PAYER = "payer"
    PAYEE = "payee"
    PAIR = "pair"


class EventKind(StrEnum):
    """Which events are aggregated."""

    TRANSFER = "transfer"
    REPORT = "report"


class Measure(StrEnum):
    """What of an event is aggregated: the event itself, its amount, or its civil time."""

    TRANSFER = "transfer"
    REPORT = "report"
    AMOUNT = "amount"
    HOUR = "hour"
    WEEKDAY = "weekday"
    NIGHT = "night"


class Statistic(StrEnum):
    """How the measure is aggregated.

    `ratio` is the transfer's amount over the window's mean; `per_transfer` the window's count over
    the count of the entity's transfers in the same window; ages are in seconds.
    """

    VALUE = "value"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    RATIO = "ratio"
    PER_TRANSFER = "per_transfer"
    SINCE_LAST = "since_last"
    SINCE_FIRST = "since_first"


class NullRule(StrEnum):
    """When a feature has no value."""

    NEVER = "never"
    SATURATED = "saturated"
    NO_EVENT = "no_event"


class VisibleTo(StrEnum):
    """Who could compute the feature in the real rail."""

    PAYER_PSP = "payer_psp"
    PAYEE_PSP = "payee_psp"
    RAIL = "rail"


_NULL_RULES: Final = {
    Statistic.VALUE: NullRule.NEVER,
    Statistic.COUNT: NullRule.NEVER,
    Statistic.SUM: NullRule.SATURATED,
    Statistic.MEAN: NullRule.NO_EVENT,
    Statistic.RATIO: NullRule.NO_EVENT,
    Statistic.PER_TRANSFER: NullRule.NO_EVENT,
    Statistic.SINCE_LAST: NullRule.NO_EVENT,
    Statistic.SINCE_FIRST: NullRule.NO_EVENT,
}

_OF_TRANSFER: Final = (Measure.AMOUNT, Measure.HOUR, Measure.WEEKDAY, Measure.NIGHT)
_OF_AMOUNT: Final = (Statistic.SUM, Statistic.MEAN, Statistic.RATIO)

#: What a filter may read of an event: all integers. `accepted` is a report's, null on a transfer;
#: `initiation` and `purpose` are codes of `features/row.py`, null where the door was not told.
FILTER_FIELDS: Final = ("amount_centavos", "hour", "weekday", "initiation", "purpose", "accepted")

FILTER_VALUE_MAX: Final = 2**62


class Span(StrEnum):
    """The kinds of window."""

    NOW = "now"
    SLIDING = "sliding"
    EVER = "ever"


@dataclass(frozen=True, slots=True)
class Window:
    """How far back a feature looks: whole minutes up to 90 days, `now` (nothing), or `ever`.

    Raises:
        Misconfigured: DEFINITION_INVALID.
    """

    span: Span
    minutes: int = 0

    def __post_init__(self) -> None:
        if self.span is Span.SLIDING and not 1 <= self.minutes <= WINDOW_MAX_MINUTES:
            raise wrong("window", "1 minute to 90 days", self.minutes)
        if self.span is not Span.SLIDING and self.minutes != 0:
            raise wrong("window", f"without minutes, being {self.span.value!r}", self.minutes)

    @property
    def name(self) -> str:
        """`now`, `ever`, or the length as `30m`, `24h`, `7d`."""
        if self.span is not Span.SLIDING:
            return self.span.value
        if self.minutes > EXACT_WINDOW_MAX_MINUTES and self.minutes % (24 * 60) == 0:
            return f"{self.minutes // (24 * 60)}d"
        return f"{self.minutes // 60}h" if self.minutes % 60 == 0 else f"{self.minutes}m"

    @property
    def length(self) -> int:
        """Microseconds."""
        return self.minutes * MINUTE

    @property
    def tile(self) -> int:
        """Microseconds of a tile; 0 where the window is exact."""
        return self.length // TILES if self.minutes > EXACT_WINDOW_MAX_MINUTES else 0


NOW: Final = Window(Span.NOW)
EVER: Final = Window(Span.EVER)


def minutes(count: int) -> Window:
    """A sliding window of that many minutes."""
    return Window(Span.SLIDING, count)


def hours(count: int) -> Window:
    """A sliding window of that many hours."""
    return Window(Span.SLIDING, count * 60)


def days(count: int) -> Window:
    """A sliding window of that many days."""
    return Window(Span.SLIDING, count * 24 * 60)


@dataclass(frozen=True, slots=True)
class Filter:
    """A named condition on the events that are aggregated; the name is part of a feature's name.

    An event of which the condition reads a null does not count.

    Raises:
        Misconfigured: DEFINITION_INVALID for a field that events do not have, a parameter, a
            fraction, or a condition nested deeper than the kernel's stack.
    """

    name: str
    expression: Expression

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name.lower() != self.name:
            raise wrong("filter.name", "lower-case letters, digits and underscores", self.name)
        for name in sorted(self.expression.fields()):
            if name not in FILTER_FIELDS:
                raise wrong("filter.expression", f"over {', '.join(FILTER_FIELDS)}", name)
        for name in sorted(self.expression.parameters()):
            raise wrong("filter.expression", "without policy parameters", name)
        if depth(self.expression) > DEPTH_MAX:
            found = depth(self.expression)
            raise wrong("filter.expression", f"of depth {DEPTH_MAX} or less", found)
        for value in self.expression.values():
            if isinstance(value, float) or abs(value) > FILTER_VALUE_MAX:
                raise wrong("filter.expression", "over integers of at most 62 bits", value)


#: The night of the Pix limits: from 20 h to 6 h, Brasília (BCB resolution on Pix limits).
NIGHT: Final = Filter("night", (Field("hour") >= 20) | (Field("hour") < 6))
ACCEPTED: Final = Filter("accepted", Field("accepted").equals(Value(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What people must know of a feature; no part of its hash.

    `reason` is the code of the reason (`decision/reasons.py`) that stands for the feature where it
    raised the score of a transfer.

    Raises:
        Misconfigured: DEFINITION_INVALID where a text is empty.
    """

    meaning: str
    unit: str
    null_meaning: str
    leakage: str
    purpose: str
    reason: str
    owner: str
    visible_to: VisibleTo = VisibleTo.PAYER_PSP

    def __post_init__(self) -> None:
        for name in ("meaning", "unit", "null_meaning", "leakage", "purpose", "reason", "owner"):
            if not str(getattr(self, name)).strip():
                raise wrong(f"card.{name}", "a text", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One declaration. Its name and hash follow from it.

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field and the choices.
    """

    entity: Entity
    event: EventKind
    measure: Measure
    statistic: Statistic
    window: Window
    card: Card = field(compare=False)
    filter: Filter | None = None

    def __post_init__(self) -> None:
        if self.entity is Entity.TRANSFER or self.statistic is Statistic.VALUE:
            self._check_value()
        else:
            self._check_aggregate()

    def _check_value(self) -> None:
        _one_of("entity", self.entity, (Entity.TRANSFER,), of="the statistic value")
        _one_of("statistic", self.statistic, (Statistic.VALUE,), of="the entity transfer")
        _one_of("event", self.event, (EventKind.TRANSFER,), of="the entity transfer")
        _one_of("measure", self.measure, _OF_TRANSFER, of="the entity transfer")
        _one_of("window.span", self.window.span, (Span.NOW,), of="the statistic value")
        if self.filter is not None:
            raise wrong("filter", "none, for the statistic value", self.filter.name)

    def _check_aggregate(self) -> None:
        of = f"the statistic {self.statistic.value}"
        if self.statistic in _OF_AMOUNT:
            _one_of("measure", self.measure, (Measure.AMOUNT,), of=of)
        else:
            _one_of("measure", self.measure, (Measure(self.event.value),), of=of)
        first = self.statistic is Statistic.SINCE_FIRST
        span = Span.EVER if first else Span.SLIDING
        _one_of("window.span", self.window.span, (span,), of=of)
        if self.statistic in (Statistic.SINCE_LAST, Statistic.SINCE_FIRST):
            if self.filter is not None:
                raise wrong("filter", f"none, for {of}", self.filter.name)
            if self.window.tile:
                raise wrong("window", f"24h or less, for {of}", self.window.name)
        if self.statistic is Statistic.RATIO:
            _one_of("event", self.event, (EventKind.TRANSFER,), of=of)
        if self.statistic is Statistic.PER_TRANSFER:
            _one_of("event", self.event, (EventKind.REPORT,), of=of)

    @property
    def name(self) -> str:
        """`entity_measure_statistic_window[_where_filter]`."""
        parts = [self.entity.value, self.measure.value, self.statistic.value, self.window.name]
        return "_".join(parts if self.filter is None else [*parts, "where", self.filter.name])

    @property
    def null_rule(self) -> NullRule:
        """When the feature is null."""
        return _NULL_RULES[self.statistic]

    def canonical(self) -> dict[str, object]:
        """The fields that decide the feature's value: what is hashed."""
        return {
            "entity": self.entity.value,
            "event": self.event.value,
            "measure": self.measure.value,
            "statistic": self.statistic.value,
            "window": [self.window.span.value, self.window.minutes],
            "filter": None if self.filter is None else self.filter.expression.canonical(),
            "type": "float64",
            "null": self.null_rule.value,
            "semantics": SEMANTICS_VERSION,
        }

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical fields; never of the card."""
        return sha256_of(self.canonical())


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Features in the order of the vector's columns.

    Raises:
        Misconfigured: DEFINITION_INVALID for no feature, or two of one name or one meaning.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not self.features:
            raise wrong("features", "at least one feature", 0)
        names: set[str] = set()
        hashes: dict[str, str] = {}
        for feature in self.features:
            if feature.name in names:
                raise wrong("features", "of unique names", feature.name)
            if feature.hash in hashes:
                twins = f"{hashes[feature.hash]} and {feature.name}"
                raise wrong("features", "of unique meanings", twins)
            names.add(feature.name)
            hashes[feature.hash] = feature.name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the vector's columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the ordered feature hashes."""
        return sha256_of([feature.hash for feature in self.features])


def sha256_of(value: object) -> str:
    """SHA-256 (hex) of the value's JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def wrong(name: str, expected: str, found: object) -> Misconfigured:
    """The error of a definition: which field, what it must be, what was found."""
    return Misconfigured(
        Code.DEFINITION_INVALID,
        f"{name} must be {expected}, found {found!r}",
        field=name,
        expected=expected,
        found=str(found),
    )


def _one_of(name: str, found: StrEnum, choices: tuple[StrEnum, ...], *, of: str) -> None:
    if found not in choices:
        listed = " or ".join(choice.value for choice in choices)
        raise wrong(name, f"{listed}, for {of}", found.value)

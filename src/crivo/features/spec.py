"""What a feature is: a frozen declaration with a generated name, a hash of its meaning, a card."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import NoneType
from typing import Final

from crivo.domain.instant import DAY
from crivo.features.card import Card
from crivo.features.expression import (
    DEPTH_MAX,
    And,
    Compare,
    Expression,
    Field,
    Not,
    Or,
    Value,
    depth,
)
from crivo.features.terms import (
    ABOUT,
    ACCOUNTS,
    FACTS,
    INSTANTS,
    STANDING,
    WITH_AMOUNT,
    Entity,
    EventKind,
    Measure,
    NullRule,
    Statistic,
    VisibleTo,
)
from crivo.features.typed import check_kind, check_member
from crivo.features.window import NIGHT_BEGINS, NIGHT_ENDS, Span, Window
from crivo.features.wrong import wrong

#: A declaration is written with the words of `terms.py`, which come with it.
__all__ = [
    "ACCEPTED",
    "DECAY_PARTS",
    "FILTER_FIELDS",
    "FIRST_SEEN_MAX",
    "MEMBERS",
    "MEMBERS_MAX",
    "NIGHT",
    "RANKED_MAX",
    "Card",
    "Entity",
    "EventKind",
    "Feature",
    "FeatureSet",
    "Filter",
    "Measure",
    "NullRule",
    "Statistic",
    "VisibleTo",
    "sha256_of",
]

#: Raised whenever an unchanged declaration comes to mean another number.
SEMANTICS_VERSION: Final = 1

#: The age of what was first, or last ever, seen longer ago than this reads as this.
FIRST_SEEN_MAX: Final = 400 * DAY


_NULL_RULES: Final = {
    Statistic.VALUE: NullRule.NEVER,
    Statistic.COUNT: NullRule.NEVER,
    Statistic.SUM: NullRule.SATURATED,
    Statistic.Z_SCORE: NullRule.NO_SPREAD,
    Statistic.DECAYED_COUNT: NullRule.SATURATED,
    Statistic.DECAYED_SUM: NullRule.SATURATED,
    Statistic.DISTINCT: NullRule.NEVER,
    Statistic.FIRST: NullRule.NO_FACT,
    Statistic.LAST: NullRule.NO_FACT,
    Statistic.AGE: NullRule.NO_FACT,
    Statistic.USED: NullRule.NO_FACT,
}

_OF_TRANSFER: Final = (Measure.AMOUNT, Measure.HOUR, Measure.WEEKDAY, Measure.NIGHT)
_OF_AMOUNT: Final = (
    Statistic.SUM,
    Statistic.MEAN,
    Statistic.STD,
    Statistic.MIN,
    Statistic.MAX,
    Statistic.RATIO,
    Statistic.Z_SCORE,
    Statistic.RANK,
    Statistic.DECAYED_SUM,
    Statistic.PASS_THROUGH,
)
_OF_TRANSFERS_ALONE: Final = (
    Statistic.RATIO,
    Statistic.Z_SCORE,
    Statistic.RANK,
    Statistic.PASS_THROUGH,
    Statistic.DISTINCT,
)
_UNFILTERED: Final = (
    Statistic.PASS_THROUGH,
    Statistic.DISTINCT,
    Statistic.SINCE_LAST,
    Statistic.SINCE_FIRST,
    Statistic.FIRST,
    Statistic.LAST,
    Statistic.AGE,
    Statistic.USED,
)
_LIMITS: Final = (Measure.DAY_LIMIT, Measure.NIGHT_LIMIT)
_OF_FACTS: Final = (Statistic.FIRST, Statistic.LAST, Statistic.AGE, Statistic.USED)

_ONLY_EVER: Final = (Statistic.SINCE_FIRST, Statistic.FIRST, Statistic.LAST, Statistic.AGE)

#: Whom an entity's transfers may be counted by.
MEMBERS: Final = {
    Entity.PAYER: (Measure.PAYEE, Measure.DEVICE, Measure.INSTITUTION),
    Entity.PAYEE: (Measure.PAYER,),
    Entity.DEVICE: (Measure.PAYER,),
    Entity.PAYER_RECEIVING: (Measure.PAYER,),
    Entity.PAYEE_SENDING: (Measure.PAYEE, Measure.DEVICE, Measure.INSTITUTION),
}

#: Weights of a decayed statistic halve with each of so many parts of its window: of whole minutes,
#: an eighth is whole microseconds, and beyond 24 h whole tiles.
DECAY_PARTS: Final = 8

#: A window beyond 24 h with as many distinct members or more is saturated.
MEMBERS_MAX: Final = 4_096

#: A rank is one among so many of the window's newest events; of one instant, the dearest ones.
RANKED_MAX: Final = 256

#: What a filter may read of an event: all integers. `accepted` is a report's, null on a transfer;
#: the rest are codes of `features/row.py`, null where the door was not told.
FILTER_FIELDS: Final = (
    "amount_centavos",
    "hour",
    "weekday",
    "initiation",
    "purpose",
    "accepted",
    "payer_ispb",
    "payee_ispb",
)

FILTER_VALUE_MAX: Final = 2**62

#: What names are made of: those of features are columns, metric labels and lines of a lock.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


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
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:
            raise wrong("filter.name", "of the letters a to z, digits and underscores", self.name)
        check_kind("filter.expression", self.expression, Compare, And, Or, Not)
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


NIGHT: Final = Filter("night", (Field("hour") >= NIGHT_BEGINS) | (Field("hour") < NIGHT_ENDS))
ACCEPTED: Final = Filter("accepted", Field("accepted").equals(Value(1)))


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
    #: SHA-256 (hex) of the canonical fields; never of the card.
    hash: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_member("entity", self.entity, Entity)
        check_member("event", self.event, EventKind)
        check_member("measure", self.measure, Measure)
        check_member("statistic", self.statistic, Statistic)
        check_kind("window", self.window, Window)
        check_kind("card", self.card, Card)
        check_kind("filter", self.filter, Filter, NoneType)
        if self.entity is Entity.TRANSFER or self.statistic is Statistic.VALUE:
            self._check_value()
        else:
            self._check_aggregate()
        object.__setattr__(self, "hash", sha256_of(self.canonical()))

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
        if self.event in ABOUT:
            about = f"the event {self.event.value}"
            _one_of("entity", self.entity, ABOUT[self.event], of=about)
            if self.event is EventKind.EXPOSURE:
                exposed = (Statistic.COUNT, Statistic.SINCE_LAST)
                _one_of("statistic", self.statistic, exposed, of=about)
            if self.event in STANDING:
                _one_of("statistic", self.statistic, _OF_FACTS, of=about)
        if self.statistic in _OF_AMOUNT:
            _one_of("measure", self.measure, (Measure.AMOUNT,), of=of)
            _one_of("event", self.event, WITH_AMOUNT, of=of)
        elif self.statistic in _OF_FACTS:
            events = tuple(event for event in EventKind if _facts_of(self.statistic, event))
            _one_of("event", self.event, events, of=of)
            facts = _facts_of(self.statistic, self.event)
            _one_of("measure", self.measure, facts, of=f"{of} of the event {self.event.value}")
        elif self.statistic is Statistic.DISTINCT:
            _one_of("entity", self.entity, tuple(MEMBERS), of=of)
            of = f"{of} of the entity {self.entity.value}"
            _one_of("measure", self.measure, MEMBERS[self.entity], of=of)
        else:
            _one_of("measure", self.measure, (Measure(self.event.value),), of=of)
        if self.statistic in _OF_TRANSFERS_ALONE:
            _one_of("event", self.event, (EventKind.TRANSFER,), of=of)
        if self.statistic is Statistic.PER_TRANSFER:
            _one_of("event", self.event, (EventKind.REPORT,), of=of)
        if self.statistic is Statistic.PASS_THROUGH:
            _one_of("entity", self.entity, (Entity.PAYER, Entity.PAYEE), of=of)
        self._check_window(of)
        is_bare = self.statistic in _UNFILTERED or self.event is EventKind.EXPOSURE
        if is_bare and self.filter is not None:
            raise wrong("filter", f"none, for {of}", self.filter.name)
        if self.statistic is Statistic.SHARE and self.filter is None:
            raise wrong("filter", f"a filter, for {of}", None)

    def _check_window(self, of: str) -> None:
        spans: tuple[Span, ...] = (Span.SLIDING, Span.TODAY, Span.TONIGHT)
        if self.statistic in _ONLY_EVER:
            spans = (Span.EVER,)
        elif self.statistic in (Statistic.MIN, Statistic.MAX):
            spans = (*spans, Span.EVER)
        elif self.event is EventKind.EXPOSURE:
            is_count = self.statistic is Statistic.COUNT
            spans = (Span.SLIDING, Span.EVER) if is_count else (Span.EVER,)
        elif self.statistic is Statistic.SINCE_LAST:
            spans = (Span.SLIDING, Span.EVER)
        elif self.statistic in (Statistic.DECAYED_COUNT, Statistic.DECAYED_SUM):
            spans = (Span.SLIDING,)
        if Span.TONIGHT in spans and self.entity in ACCOUNTS:
            spans = (*spans, Span.OWN_NIGHT)
        _one_of("window.span", self.window.span, spans, of=of)
        if self.statistic is Statistic.SINCE_LAST and self.window.tile:
            raise wrong("window", f"24h or less, for {of}", self.window.name)

    @property
    def name(self) -> str:
        """`entity_measure_statistic_window[_where_filter]`."""
        measure = self.measure.value
        if self.event is not EventKind.TRANSFER and self.measure is Measure.AMOUNT:
            measure = f"{self.event.value}_amount"
        parts = [self.entity.value, measure, self.statistic.value, self.window.name]
        return "_".join(parts if self.filter is None else [*parts, "where", self.filter.name])

    @property
    def null_rule(self) -> NullRule:
        """When the feature is null."""
        return _NULL_RULES.get(self.statistic, NullRule.NO_EVENT)

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


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Features in the order of the vector's columns.

    Raises:
        Misconfigured: DEFINITION_INVALID for no feature, what is none, or two of one name or one
            meaning.
    """

    features: tuple[Feature, ...]
    #: SHA-256 (hex) of the ordered feature hashes.
    hash: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_kind("features", self.features, tuple)
        if not self.features:
            raise wrong("features", "at least one feature", 0)
        names: set[str] = set()
        hashes: dict[str, str] = {}
        for feature in self.features:
            check_kind("features", feature, Feature)
            if feature.name in names:
                raise wrong("features", "of unique names", feature.name)
            if feature.hash in hashes:
                twins = f"{hashes[feature.hash]} and {feature.name}"
                raise wrong("features", "of unique meanings", twins)
            names.add(feature.name)
            hashes[feature.hash] = feature.name
        object.__setattr__(self, "hash", sha256_of(list(hashes)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the vector's columns."""
        return tuple(feature.name for feature in self.features)


def sha256_of(value: object) -> str:
    """SHA-256 (hex) of the value's JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _facts_of(statistic: Statistic, event: EventKind) -> tuple[Measure, ...]:
    """The facts of an event that the statistic makes sense of; to the first, an amount is one."""
    if statistic is Statistic.FIRST and event in WITH_AMOUNT:
        return (Measure.AMOUNT,)
    facts = FACTS.get(event, ())
    if statistic is Statistic.USED:
        return tuple(fact for fact in facts if fact in _LIMITS)
    is_age = statistic is Statistic.AGE
    return tuple(fact for fact in facts if (fact in INSTANTS) == is_age)


def _one_of(name: str, found: StrEnum, choices: Sequence[StrEnum], *, of: str) -> None:
    if found not in choices:
        listed = " or ".join(choice.value for choice in choices)
        raise wrong(name, f"{listed}, for {of}", found.value)

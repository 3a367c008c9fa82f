"""What a feature is: a frozen declaration with a generated name, a hash of its meaning, a card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from types import NoneType
from typing import Final

from crivo.domain.instant import DAY
from crivo.features.card import Card
from crivo.features.choices import MEMBERS, Declared, check_aggregate, check_value
from crivo.features.filters import ACCEPTED, FILTER_FIELDS, NIGHT, Filter
from crivo.features.terms import Entity, EventKind, Measure, NullRule, Statistic, VisibleTo
from crivo.features.typed import check_kind, check_member
from crivo.features.window import Window
from crivo.features.wrong import wrong

#: A declaration is written with the words of `terms.py` and filters, which come with it.
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

#: Weights of a decayed statistic halve with each of so many parts of its window: of whole minutes,
#: an eighth is whole microseconds, and beyond 24 h whole tiles.
DECAY_PARTS: Final = 8

#: A window beyond 24 h with as many distinct members or more is saturated.
MEMBERS_MAX: Final = 4_096

#: A rank is one among so many of the window's newest events; of one instant, the dearest ones.
RANKED_MAX: Final = 256


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
        it = Declared(
            self.entity, self.event, self.measure, self.statistic, self.window, self.filter
        )
        if self.entity is Entity.TRANSFER or self.statistic is Statistic.VALUE:
            check_value(it)
        else:
            check_aggregate(it)
        object.__setattr__(self, "hash", sha256_of(self.canonical()))

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

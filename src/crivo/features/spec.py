"""What a feature is: a frozen declaration with a generated name, a hash of its meaning, a card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from crivo.domain.instant import DAY
from crivo.features.expression import DEPTH_MAX, Expression, Field, Value, depth
from crivo.features.window import NIGHT_BEGINS, NIGHT_ENDS, Span, Window
from crivo.features.wrong import wrong

#: Raised whenever an unchanged declaration comes to mean another number.
SEMANTICS_VERSION: Final = 1

#: The age of what was first seen longer ago than this reads as this.
FIRST_SEEN_MAX: Final = 400 * DAY


class Entity(StrEnum):
    """Whose events are aggregated; `transfer` aggregates nothing and reads the transfer itself.

    An account is seen in both roles: `payer_receiving` is what the payer's account received,
    `payee_sending` what the payee's account paid, `pair_reversed` what the payee paid the payer.
    The institution is the payee's.
    """

    TRANSFER = "transfer"
    PAYER = "payer"
    PAYEE = "payee"
    PAIR = "pair"
    DEVICE = "device"
    INSTITUTION = "institution"
    PAYER_DEVICE = "payer_device"
    PAYER_INSTITUTION = "payer_institution"
    PAYER_RECEIVING = "payer_receiving"
    PAYEE_SENDING = "payee_sending"
    PAIR_REVERSED = "pair_reversed"


class EventKind(StrEnum):
    """Which events are aggregated."""

    TRANSFER = "transfer"
    REPORT = "report"


class Measure(StrEnum):
    """What of an event is aggregated: itself, its amount, its civil time, or who takes part."""

    TRANSFER = "transfer"
    REPORT = "report"
    AMOUNT = "amount"
    HOUR = "hour"
    WEEKDAY = "weekday"
    NIGHT = "night"
    PAYER = "payer"
    PAYEE = "payee"
    DEVICE = "device"
    INSTITUTION = "institution"


class Statistic(StrEnum):
    """How the measure is aggregated.

    `std` is the population's. `ratio` is the transfer's amount over the window's mean, `z_score`
    its distance from that mean in standard deviations. `decayed_…` halves the weight with each
    eighth of the window. `per_transfer` is the window's count over the count of the entity's
    transfers in the same window, `share` over the count without the filter, `pass_through` what
    the account paid over what it received. `distinct` counts others. Ages are in seconds.
    """

    VALUE = "value"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    STD = "std"
    RATIO = "ratio"
    Z_SCORE = "z_score"
    DECAYED_COUNT = "decayed_count"
    DECAYED_SUM = "decayed_sum"
    PER_TRANSFER = "per_transfer"
    SHARE = "share"
    PASS_THROUGH = "pass_through"
    DISTINCT = "distinct"
    SINCE_LAST = "since_last"
    SINCE_FIRST = "since_first"


class NullRule(StrEnum):
    """When a feature has no value."""

    NEVER = "never"
    SATURATED = "saturated"
    NO_EVENT = "no_event"
    NO_SPREAD = "no_spread"


class VisibleTo(StrEnum):
    """Who could compute the feature in the real rail."""

    PAYER_PSP = "payer_psp"
    PAYEE_PSP = "payee_psp"
    RAIL = "rail"


_NULL_RULES: Final = {
    Statistic.VALUE: NullRule.NEVER,
    Statistic.COUNT: NullRule.NEVER,
    Statistic.SUM: NullRule.SATURATED,
    Statistic.Z_SCORE: NullRule.NO_SPREAD,
    Statistic.DECAYED_COUNT: NullRule.SATURATED,
    Statistic.DECAYED_SUM: NullRule.SATURATED,
    Statistic.DISTINCT: NullRule.NEVER,
}

_OF_TRANSFER: Final = (Measure.AMOUNT, Measure.HOUR, Measure.WEEKDAY, Measure.NIGHT)
_OF_AMOUNT: Final = (
    Statistic.SUM,
    Statistic.MEAN,
    Statistic.STD,
    Statistic.RATIO,
    Statistic.Z_SCORE,
    Statistic.DECAYED_SUM,
    Statistic.PASS_THROUGH,
)
_OF_TRANSFERS_ALONE: Final = (
    Statistic.RATIO,
    Statistic.Z_SCORE,
    Statistic.PASS_THROUGH,
    Statistic.DISTINCT,
)
_UNFILTERED: Final = (
    Statistic.PASS_THROUGH,
    Statistic.DISTINCT,
    Statistic.SINCE_LAST,
    Statistic.SINCE_FIRST,
)

#: Whom an entity's transfers may be counted by.
MEMBERS: Final = {
    Entity.PAYER: (Measure.PAYEE, Measure.DEVICE, Measure.INSTITUTION),
    Entity.PAYEE: (Measure.PAYER,),
    Entity.DEVICE: (Measure.PAYER,),
    Entity.PAYER_RECEIVING: (Measure.PAYER,),
    Entity.PAYEE_SENDING: (Measure.PAYEE, Measure.DEVICE, Measure.INSTITUTION),
}

#: Weights of a decayed statistic halve with each of so many parts of its window.
DECAY_PARTS: Final = 8

#: A window beyond 24 h with as many distinct members or more is saturated.
MEMBERS_MAX: Final = 4_096

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


NIGHT: Final = Filter("night", (Field("hour") >= NIGHT_BEGINS) | (Field("hour") < NIGHT_ENDS))
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
        if self.statistic in _UNFILTERED and self.filter is not None:
            raise wrong("filter", f"none, for {of}", self.filter.name)
        if self.statistic is Statistic.SHARE and self.filter is None:
            raise wrong("filter", f"a filter, for {of}", None)

    def _check_window(self, of: str) -> None:
        spans: tuple[Span, ...] = (Span.SLIDING, Span.TODAY, Span.TONIGHT)
        decays = self.statistic in (Statistic.DECAYED_COUNT, Statistic.DECAYED_SUM)
        if self.statistic is Statistic.SINCE_FIRST:
            spans = (Span.EVER,)
        elif decays or self.statistic is Statistic.SINCE_LAST:
            spans = (Span.SLIDING,)
        _one_of("window.span", self.window.span, spans, of=of)
        if self.statistic is Statistic.SINCE_LAST and self.window.tile:
            raise wrong("window", f"24h or less, for {of}", self.window.name)
        if decays and self.window.minutes % DECAY_PARTS:
            raise wrong(
                "window", f"a multiple of {DECAY_PARTS} minutes, for {of}", self.window.name
            )

    @property
    def name(self) -> str:
        """`entity_measure_statistic_window[_where_filter]`."""
        measure = self.measure.value
        if self.event is EventKind.REPORT and self.measure is Measure.AMOUNT:
            measure = "report_amount"
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


def _one_of(name: str, found: StrEnum, choices: tuple[StrEnum, ...], *, of: str) -> None:
    if found not in choices:
        listed = " or ".join(choice.value for choice in choices)
        raise wrong(name, f"{listed}, for {of}", found.value)

"""What a feature is made of: facts of transfers, and which other events are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from crivo.features.spec import Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import Span

#: Whom a transfer must name for an entity to be found, by the names that mappings use.
_PARTIES: Final[Mapping[Entity, frozenset[str]]] = {
    Entity.TRANSFER: frozenset(),
    Entity.PAYER: frozenset({"payer"}),
    Entity.PAYEE: frozenset({"payee"}),
    Entity.PAIR: frozenset({"payer", "payee"}),
    Entity.DEVICE: frozenset({"device"}),
    Entity.INSTITUTION: frozenset({"payee_ispb"}),
    Entity.PAYER_DEVICE: frozenset({"payer", "device"}),
    Entity.PAYER_INSTITUTION: frozenset({"payer", "payee_ispb"}),
    Entity.PAYER_RECEIVING: frozenset({"payer", "payee"}),
    Entity.PAYEE_SENDING: frozenset({"payer", "payee"}),
    Entity.PAIR_REVERSED: frozenset({"payer", "payee"}),
    Entity.PAYEE_KEY: frozenset({"payee_key"}),
    Entity.PAYEE_PERSON: frozenset({"payee_person"}),
}

_MEASURED: Final[Mapping[Measure, str]] = {
    Measure.AMOUNT: "amount",
    Measure.HOUR: "time",
    Measure.WEEKDAY: "time",
    Measure.NIGHT: "time",
    Measure.PAYER: "payer",
    Measure.PAYEE: "payee",
    Measure.DEVICE: "device",
    Measure.INSTITUTION: "payee_ispb",
}

#: Statistics that set the transfer's own amount beside others.
_OWN_AMOUNT: Final = (Statistic.RATIO, Statistic.Z_SCORE, Statistic.RANK, Statistic.USED)

_FILTERED: Final[Mapping[str, str]] = {
    "amount_centavos": "amount",
    "hour": "time",
    "weekday": "time",
    "initiation": "initiation",
    "purpose": "purpose",
    "payer_ispb": "payer_ispb",
    "payee_ispb": "payee_ispb",
}

#: What is no event of its own is made of these beside transfers.
_DERIVED: Final[Mapping[EventKind, tuple[EventKind, ...]]] = {
    EventKind.EXPOSURE: (EventKind.REPORT,),
    EventKind.NEW_PAIR: (),
    EventKind.TRANSFER: (),
}

_OF_PAIRS: Final = (EventKind.EXPOSURE, EventKind.NEW_PAIR)


class MadeOf(NamedTuple):
    """`transfer` are facts of transfers: `time`, `amount`, and the parties and codes by the names
    that a mapping's section `transfer` has for them. `told` are the other events, as a whole.
    """

    transfer: frozenset[str]
    told: frozenset[EventKind]


def made_of(feature: Feature) -> MadeOf:
    """All that the feature's value may depend on, and nothing else that an event tells."""
    facts = set(_PARTIES[feature.entity])
    told = set(_DERIVED.get(feature.event, (feature.event,)))
    if feature.event in _OF_PAIRS or feature.statistic is Statistic.PASS_THROUGH:
        facts |= {"payer", "payee"}
    if feature.measure in _MEASURED:
        facts.add(_MEASURED[feature.measure])
    if feature.window.span is not Span.NOW:
        facts.add("time")
    if feature.statistic in _OWN_AMOUNT:
        facts.add("amount")
    if feature.statistic is Statistic.USED:
        told.add(EventKind.UNDOING)
    if feature.window.span is Span.OWN_NIGHT:
        told.add(EventKind.NIGHT_START)
    if feature.filter is not None:
        fields = feature.filter.expression.fields()
        facts |= {_FILTERED[name] for name in fields if name in _FILTERED}
    return MadeOf(frozenset(facts), frozenset(told))

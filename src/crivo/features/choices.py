"""What goes with what in a declaration: which events, measures, windows and filters a statistic
has a meaning over. What has none is refused with the field, the choices and, where it is no matter
of course, the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from crivo.features.filters import Filter
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
    Statistic,
)
from crivo.features.window import Span, Window
from crivo.features.wrong import wrong

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
_UNFILTERED: Final = (Statistic.PASS_THROUGH, Statistic.AGE, Statistic.USED)
_LIMITS: Final = (Measure.DAY_LIMIT, Measure.NIGHT_LIMIT)
_OF_FACTS: Final = (Statistic.FIRST, Statistic.LAST, Statistic.AGE, Statistic.USED)
_DECAYED: Final = (Statistic.DECAYED_COUNT, Statistic.DECAYED_SUM)

#: Statistics that look as far back as there is anything, where they are asked to.
_EVER: Final = (
    Statistic.MIN,
    Statistic.MAX,
    Statistic.FIRST,
    Statistic.LAST,
    Statistic.SINCE_FIRST,
    Statistic.SINCE_LAST,
)

#: Events that no row holds are counted, and what else there is of them is said here.
_OF_DERIVED: Final = {
    EventKind.EXPOSURE: (Statistic.COUNT, Statistic.SINCE_LAST),
    EventKind.NEW_PAIR: (Statistic.COUNT, Statistic.DECAYED_COUNT, Statistic.PER_TRANSFER),
}

#: Whom an entity's transfers may be counted by.
MEMBERS: Final = {
    Entity.PAYER: (Measure.PAYEE, Measure.DEVICE, Measure.INSTITUTION),
    Entity.PAYEE: (Measure.PAYER,),
    Entity.PAIR: (Measure.DEVICE,),
    Entity.DEVICE: (Measure.PAYER,),
    Entity.INSTITUTION: (Measure.PAYER, Measure.PAYEE),
    Entity.PAYER_RECEIVING: (Measure.PAYER,),
    Entity.PAYEE_SENDING: (Measure.PAYEE, Measure.DEVICE, Measure.INSTITUTION),
    Entity.PAIR_REVERSED: (Measure.DEVICE,),
}


class Declared(NamedTuple):
    """The fields of a declaration that decide what it means."""

    entity: Entity
    event: EventKind
    measure: Measure
    statistic: Statistic
    window: Window
    filter: Filter | None


def check_value(it: Declared) -> None:
    """Nothing, if it says what a transfer says of itself.

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field and the choices.
    """
    _one_of("entity", it.entity, (Entity.TRANSFER,), of="the statistic value")
    _one_of("statistic", it.statistic, (Statistic.VALUE,), of="the entity transfer")
    _one_of("event", it.event, (EventKind.TRANSFER,), of="the entity transfer")
    _one_of("measure", it.measure, _OF_TRANSFER, of="the entity transfer")
    _one_of("window.span", it.window.span, (Span.NOW,), of="the statistic value")
    if it.filter is not None:
        raise wrong("filter", "none, for the statistic value", it.filter.name)


def check_aggregate(it: Declared) -> None:
    """Nothing, if its statistic has a meaning over what it is asked of.

    Raises:
        Misconfigured: DEFINITION_INVALID, with the field, the choices and the reason.
    """
    of = f"the statistic {it.statistic.value}"
    if it.event in ABOUT:
        about = f"the event {it.event.value}"
        _one_of("entity", it.entity, ABOUT[it.event], of=about)
        if it.event in _OF_DERIVED:
            _one_of("statistic", it.statistic, _OF_DERIVED[it.event], of=about)
        if it.event in STANDING:
            _one_of("statistic", it.statistic, _OF_FACTS, of=about)
    _check_measure(it, of)
    if it.statistic in _OF_TRANSFERS_ALONE:
        _one_of("event", it.event, (EventKind.TRANSFER,), of=of)
    if it.statistic is Statistic.PER_TRANSFER:
        _one_of("event", it.event, (EventKind.REPORT, EventKind.NEW_PAIR), of=of)
    if it.statistic is Statistic.PASS_THROUGH:
        _one_of("entity", it.entity, (Entity.PAYER, Entity.PAYEE), of=of)
    _check_window(it, of)
    _check_filter(it, of)


def is_of_facts(statistic: Statistic, event: EventKind) -> bool:
    """Whether it reads facts that the event tells, by when they were told; else it reads events."""
    of_either = (Statistic.FIRST, Statistic.LAST)
    return statistic in _OF_FACTS and (statistic not in of_either or event in FACTS)


def _check_measure(it: Declared, of: str) -> None:
    if it.statistic in _OF_AMOUNT:
        _one_of("measure", it.measure, (Measure.AMOUNT,), of=of)
        _one_of("event", it.event, WITH_AMOUNT, of=of)
    elif it.statistic in _OF_FACTS:
        events = tuple(event for event in EventKind if _facts_of(it.statistic, event))
        _one_of("event", it.event, events, of=of)
        facts = _facts_of(it.statistic, it.event)
        _one_of("measure", it.measure, facts, of=f"{of} of the event {it.event.value}")
    elif it.statistic is Statistic.DISTINCT:
        _one_of("entity", it.entity, tuple(MEMBERS), of=of)
        of = f"{of} of the entity {it.entity.value}"
        _one_of("measure", it.measure, MEMBERS[it.entity], of=of)
    else:
        _one_of("measure", it.measure, (Measure(it.event.value),), of=of)


def _check_window(it: Declared, of: str) -> None:
    spans: tuple[Span, ...] = (Span.SLIDING, Span.TODAY, Span.TONIGHT)
    if it.event is EventKind.EXPOSURE:
        spans = (Span.EVER,) if it.statistic is Statistic.SINCE_LAST else (Span.SLIDING, Span.EVER)
    elif is_of_facts(it.statistic, it.event) and it.statistic is not Statistic.USED:
        spans = (Span.EVER,)
        of += ": a fact stands from its own instant until the next of its key, in no window"
    elif it.statistic in _DECAYED:
        spans = (Span.SLIDING,)
        of += ": a weight halves with each eighth of a length, and a part of a day has none"
    elif it.statistic in _EVER:
        spans = (*spans, Span.EVER)
    if Span.TONIGHT in spans and it.entity in ACCOUNTS:
        spans = (*spans, Span.OWN_NIGHT)
    _one_of("window.span", it.window.span, spans, of=of)


def _check_filter(it: Declared, of: str) -> None:
    if it.filter is None:
        if it.statistic is Statistic.SHARE:
            raise wrong("filter", f"a filter, for {of}", None)
        return
    if it.event in _OF_DERIVED:
        of = f"the event {it.event.value}, which is made of several"
    elif is_of_facts(it.statistic, it.event):
        of += " of facts, which stand whatever their event was like"
    elif it.statistic not in _UNFILTERED:
        return
    raise wrong("filter", f"none, for {of}", it.filter.name)


def _facts_of(statistic: Statistic, event: EventKind) -> tuple[Measure, ...]:
    """What an event tells that the statistic makes sense of; to first and last, its amount is."""
    if statistic in (Statistic.FIRST, Statistic.LAST) and event in WITH_AMOUNT:
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

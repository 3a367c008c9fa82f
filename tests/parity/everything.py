"""Every feature that can be declared over a few windows and filters: what engines must do."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

from crivo.domain.errors import CrivoError
from crivo.features.expression import Field
from crivo.features.lawful import LawfulPurpose
from crivo.features.plan import Plan, compile_plan
from crivo.features.spec import (
    ACCEPTED,
    NIGHT,
    Card,
    Entity,
    EventKind,
    Feature,
    FeatureSet,
    Filter,
    Measure,
    Statistic,
)
from crivo.features.terms import ABOUT, FACTS
from crivo.features.window import EVER, NOW, OWN_NIGHT, TODAY, TONIGHT, days, hours, minutes

CARD = Card(
    meaning="-",
    unit="-",
    null_meaning="-",
    leakage="-",
    rationale="-",
    purpose=LawfulPurpose.FRAUD_PREVENTION,
    reason="-",
    owner="-",
)
ON_US = Filter("on_us", Field("payer_ispb").equals(Field("payee_ispb")))
LARGE = Filter("large", Field("amount_centavos") >= 100_000)

WINDOWS = (NOW, EVER, TODAY, TONIGHT, OWN_NIGHT, minutes(8), hours(1), hours(24), days(7), days(30))
FILTERS = (None, NIGHT, ACCEPTED, ON_US, LARGE)


@functools.cache
def everything() -> tuple[Feature, ...]:
    """All of them, in one order."""
    return tuple(_declarable())


#: What is told beside transfers and reports is counted like them: less is worth trying there.
TOLD_WINDOWS = (EVER, TODAY, TONIGHT, OWN_NIGHT, hours(1), days(7))


def _choices() -> Iterator[tuple[Any, ...]]:
    attempts = (EventKind.TRANSFER, EventKind.REPORT)
    told = {Measure(kind.value) for kind in EventKind if kind not in attempts}
    told |= {fact for facts in FACTS.values() for fact in facts}
    plain = [measure for measure in Measure if measure not in told]
    moments = tuple(itertools.product(WINDOWS, FILTERS))
    yield from itertools.product(Entity, attempts, plain, Statistic, [moments])
    moments = tuple(itertools.product(TOLD_WINDOWS, (None, NIGHT)))
    for kind in EventKind:
        if kind not in attempts:
            measures = {Measure.AMOUNT, Measure(kind.value), *FACTS.get(kind, ())}
            kinds, ordered = (kind,), sorted(measures)
            yield from itertools.product(ABOUT[kind], kinds, ordered, Statistic, [moments])


def _declarable() -> Iterator[Feature]:
    for entity, event, measure, statistic, moments in _choices():
        for window, condition in moments:
            try:
                yield Feature(
                    entity=entity,
                    event=event,
                    measure=measure,
                    statistic=statistic,
                    window=window,
                    filter=condition,
                    card=CARD,
                )
            except CrivoError as refusal:
                if refusal.context["field"] in ("entity", "event", "measure", "statistic"):
                    break  # in no other window, and under no other filter


def plan_of(features: tuple[Feature, ...], **options: int) -> Plan:
    """The plan of these features."""
    return compile_plan(FeatureSet(features), **options)

"""Whom an account pays, or is paid by, for the first time ever."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic, VisibleTo
from crivo.features.window import Window, days, hours

_WHO: Final = {
    Entity.PAYER: "Payees that the payer paid",
    Entity.PAYEE: "Payers that paid the payee",
}
_WHY: Final = {
    Entity.PAYER: ("A stolen account pays whom it never paid.", "PAYEE_NEW_FOR_PAYER"),
    Entity.PAYEE: ("A mule's account collects from people who never met it.", "PAYEE_FAN_IN"),
}


def _count(entity: Entity, window: Window) -> Feature:
    rationale, reason = _WHY[entity]
    return Feature(
        entity=entity,
        event=EventKind.NEW_PAIR,
        measure=Measure.NEW_PAIR,
        statistic=Statistic.COUNT,
        window=window,
        card=Card(
            meaning=f"{_WHO[entity]} for the first time ever in the {window.name} before.",
            unit="accounts",
            null_meaning="Never null: 0 without any.",
            leakage="Looks at earlier transfers alone; the transfer's own pair is not counted.",
            rationale=rationale,
            reason=reason,
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
            visible_to=VisibleTo.PAYER_PSP if entity is Entity.PAYER else VisibleTo.RAIL,
        ),
    )


FEATURES: Final = (
    _count(Entity.PAYER, hours(24)),
    *(_count(Entity.PAYEE, window) for window in (hours(24), days(7))),
)

"""Two hops away: whom payer and payee met that is marked by an accepted report."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import (
    Card,
    Entity,
    EventKind,
    Feature,
    Measure,
    Statistic,
    VisibleTo,
)
from crivo.features.window import EVER, Window, days

_WHO: Final = {
    Entity.PAYER: "that the payer paid",
    Entity.PAYER_RECEIVING: "that paid the payer",
    Entity.PAYEE: "that paid the payee",
    Entity.PAYEE_SENDING: "that the payee paid",
}


def _exposure(entity: Entity, statistic: Statistic, window: Window = EVER) -> Feature:
    is_count = statistic is Statistic.COUNT
    within = "" if window == EVER else f", both for the first time in the {window.name} before"
    return Feature(
        entity=entity,
        event=EventKind.EXPOSURE,
        measure=Measure.EXPOSURE,
        statistic=statistic,
        window=window,
        card=Card(
            meaning=f"Accounts {_WHO[entity]}, and that an accepted report marks{within}."
            if is_count
            else f"Time since the last such account {_WHO[entity]} was marked or met first, at "
            "most 400 days.",
            unit="accounts" if is_count else "seconds",
            null_meaning="Never null: 0 without any."
            if is_count
            else "No account that it met is marked.",
            leakage="A mark counts from the instant it was known, and from the first meeting on.",
            rationale="Stolen money moves on from marked accounts through others that are not yet.",
            reason="MARKED_MET",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
            visible_to=VisibleTo.RAIL,
        ),
    )


FEATURES: Final = (
    *(_exposure(entity, Statistic.COUNT) for entity in _WHO),
    *(_exposure(entity, Statistic.COUNT, days(30)) for entity in (Entity.PAYER, Entity.PAYEE)),
    _exposure(Entity.PAYEE, Statistic.SINCE_LAST),
)

"""What was contested: infraction reports, refunds and recoveries, of payee, payer, and pair."""

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
from crivo.features.window import EVER, Window, days, hours

_WHAT: Final = {
    EventKind.INFRACTION: "infraction reports opened",
    EventKind.AGREED_INFRACTION: "infraction reports that were agreed to",
    EventKind.REFUND_REQUEST: "refunds that were asked for as fraud",
    EventKind.RECOVERY: "recoveries of funds begun",
}
_ABOUT: Final = {
    Entity.PAYEE: "what was paid to the payee",
    Entity.PAYER: "what the payer paid",
    Entity.PAYER_RECEIVING: "what was paid to the payer",
}
_REASONS: Final = {
    Entity.PAYEE: "PAYEE_REPORTED",
    Entity.PAYER: "PAYER_REPORTED",
    Entity.PAYER_RECEIVING: "PAYER_RECEIPTS_REPORTED",
}


def _contested(
    entity: Entity, event: EventKind, window: Window, statistic: Statistic = Statistic.COUNT
) -> Feature:
    what, about = _WHAT[event], _ABOUT[entity]
    is_count = statistic is Statistic.COUNT
    return Feature(
        entity=entity,
        event=event,
        measure=Measure(event.value),
        statistic=statistic,
        window=window,
        card=Card(
            meaning=f"How many {what} there were about {about} in the {window.name} before."
            if is_count
            else f"Time since the last of the {what} about {about}, at most 400 days.",
            unit="events" if is_count else "seconds",
            null_meaning="Never null: 0 without any, or where the log is told of none."
            if is_count
            else "There was none, or the log is told of none.",
            leakage="Counts from the instant of the step, and once it was told, never from the "
            "contested transfer's.",
            rationale="Institutions tell each other of fraud through the MED (Res. BCB 1/2020).",
            reason=_REASONS[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
            visible_to=VisibleTo.PAYER_PSP if entity is Entity.PAYER else VisibleTo.PAYEE_PSP,
        ),
    )


FEATURES: Final = (
    _contested(Entity.PAYEE, EventKind.INFRACTION, hours(24)),
    _contested(Entity.PAYEE, EventKind.INFRACTION, days(30)),
    _contested(Entity.PAYEE, EventKind.AGREED_INFRACTION, days(90)),
    _contested(Entity.PAYEE, EventKind.AGREED_INFRACTION, EVER, Statistic.SINCE_LAST),
    _contested(Entity.PAYEE, EventKind.REFUND_REQUEST, days(30)),
    _contested(Entity.PAYEE, EventKind.RECOVERY, days(30)),
    _contested(Entity.PAYER_RECEIVING, EventKind.INFRACTION, days(30)),
    _contested(Entity.PAYER, EventKind.INFRACTION, days(90)),
)

"""Fan-in and fan-out: how many others take part in what an account, or a device, does."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic, VisibleTo
from crivo.features.window import TODAY, Window, days, hours

_WHO: Final = {
    Entity.PAYER: "the payer",
    Entity.PAYEE: "the payee",
    Entity.DEVICE: "the device",
    Entity.PAYER_RECEIVING: "the payer's account, where it was paid,",
    Entity.PAYEE_SENDING: "the payee's account, where it paid,",
}
_WHOM: Final = {
    Measure.PAYER: "payers",
    Measure.PAYEE: "payees",
    Measure.DEVICE: "devices",
    Measure.INSTITUTION: "receiving institutions",
}
_WHY: Final = {
    Entity.PAYER: ("Money that leaves to many is money being hidden.", "BURST_OUT"),
    Entity.PAYEE: ("A mule's account collects from people who never met.", "PAYEE_FAN_IN"),
    Entity.DEVICE: ("One telephone that pays for many accounts belongs to a gang.", "DEVICE_NEW"),
    Entity.PAYER_RECEIVING: ("Who collects from many and pays on is a mule.", "PAYER_PASS_THROUGH"),
    Entity.PAYEE_SENDING: ("A mule passes on to many what it collects.", "PAYEE_PASS_THROUGH"),
}
_RAIL: Final = (Entity.PAYEE, Entity.PAYER_RECEIVING, Entity.PAYEE_SENDING)


def _distinct(entity: Entity, measure: Measure, window: Window) -> Feature:
    rationale, reason = _WHY[entity]
    span = "since midnight" if window == TODAY else f"in the {window.name} before"
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=measure,
        statistic=Statistic.DISTINCT,
        window=window,
        card=Card(
            meaning=f"How many {_WHOM[measure]} {_WHO[entity]} had {span}.",
            unit=_WHOM[measure],
            null_meaning="Never null: 0 without any.",
            leakage="Looks at earlier transfers alone.",
            rationale=rationale,
            reason=reason,
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
            visible_to=VisibleTo.RAIL if entity in _RAIL else VisibleTo.PAYER_PSP,
        ),
    )


FEATURES: Final = (
    *(_distinct(Entity.PAYER, Measure.PAYEE, window) for window in (hours(1), hours(24), days(30))),
    _distinct(Entity.PAYER, Measure.PAYEE, TODAY),
    *(_distinct(Entity.PAYER, Measure.DEVICE, window) for window in (hours(24), days(30))),
    _distinct(Entity.PAYER, Measure.INSTITUTION, days(30)),
    *(
        _distinct(Entity.PAYEE, Measure.PAYER, window)
        for window in (hours(1), hours(24), days(7), days(30))
    ),
    *(_distinct(Entity.DEVICE, Measure.PAYER, window) for window in (hours(24), days(30))),
    *(_distinct(Entity.PAYER_RECEIVING, Measure.PAYER, window) for window in (hours(24), days(7))),
    *(_distinct(Entity.PAYEE_SENDING, Measure.PAYEE, window) for window in (hours(24), days(7))),
)

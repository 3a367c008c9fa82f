"""The device a transfer comes from, and the institution it goes to."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER, Window, days, hours

_WHO: Final = {
    Entity.DEVICE: "this device",
    Entity.PAYER_DEVICE: "this payer from this device",
    Entity.PAYER_INSTITUTION: "this payer to this institution",
    Entity.INSTITUTION: "anybody to this institution",
}
_WHY: Final = {
    Entity.DEVICE: ("A device that nobody has used before may be a thief's.", "DEVICE_NEW"),
    Entity.PAYER_DEVICE: ("Accounts are taken over from devices new to them.", "DEVICE_NEW"),
    Entity.PAYER_INSTITUTION: (
        "People pay where they have paid before; mules' accounts lie elsewhere.",
        "PAYEE_NEW_FOR_PAYER",
    ),
    Entity.INSTITUTION: (
        "Where many transfers go at once, mules' accounts have been opened.",
        "PAYEE_FAN_IN",
    ),
}


def _feature(entity: Entity, statistic: Statistic, window: Window) -> Feature:
    rationale, reason = _WHY[entity]
    is_age = statistic is Statistic.SINCE_FIRST
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=statistic,
        window=window,
        card=Card(
            meaning=f"Time since the first transfer of {_WHO[entity]}, at most 400 days."
            if is_age
            else f"Transfers of {_WHO[entity]} in the {window.name} before.",
            unit="seconds" if is_age else "transfers",
            null_meaning=f"This is the first transfer of {_WHO[entity]}, or the door was not told."
            if is_age
            else "Never null: 0 without any, or where the door was not told.",
            leakage="Looks at earlier transfers alone.",
            rationale=rationale,
            reason=reason,
            purpose=LawfulPurpose.ACCESS_SECURITY,
            owner="features",
        ),
    )


FEATURES: Final = (
    _feature(Entity.DEVICE, Statistic.COUNT, hours(24)),
    _feature(Entity.DEVICE, Statistic.SINCE_FIRST, EVER),
    *(_feature(Entity.PAYER_DEVICE, Statistic.COUNT, window) for window in (hours(24), days(30))),
    _feature(Entity.PAYER_DEVICE, Statistic.SINCE_FIRST, EVER),
    _feature(Entity.PAYER_INSTITUTION, Statistic.COUNT, days(30)),
    _feature(Entity.PAYER_INSTITUTION, Statistic.SINCE_FIRST, EVER),
    _feature(Entity.INSTITUTION, Statistic.COUNT, hours(1)),
)

"""The payer at the door: log-ins, credentials set anew, devices enrolled and removed."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER, Window, hours

_TAKEN_OVER: Final = "Who takes an account over tries to log in, resets, and brings a device."
_WHO: Final = {
    Entity.PAYER: "the payer's account",
    Entity.DEVICE: "this device, of whichever account",
    Entity.PAYER_DEVICE: "this device for the payer's account",
}
_WHAT: Final = {
    EventKind.LOGIN: "log-in",
    EventKind.FAILED_LOGIN: "failed log-in",
    EventKind.CREDENTIAL_RESET: "credential reset",
    EventKind.DEVICE_ENROLMENT: "enrolment of a device",
    EventKind.DEVICE_REMOVAL: "removal or block of a device",
}


def _feature(event: EventKind, statistic: Statistic, window: Window, entity: Entity) -> Feature:
    is_count = statistic is Statistic.COUNT
    device = event in (EventKind.DEVICE_ENROLMENT, EventKind.DEVICE_REMOVAL)
    return Feature(
        entity=entity,
        event=event,
        measure=Measure(event.value),
        statistic=statistic,
        window=window,
        card=Card(
            meaning=f"How often there was a {_WHAT[event]} of {_WHO[entity]} in the "
            f"{window.name} before."
            if is_count
            else f"Time since the last {_WHAT[event]} of {_WHO[entity]}, at most 400 days.",
            unit="events" if is_count else "seconds",
            null_meaning="Never null: 0 without any, or where the log is told of none."
            if is_count
            else "There was none, or the log is told of none.",
            leakage="Looks at what happened, and was told, before the transfer alone.",
            rationale=_TAKEN_OVER,
            reason="DEVICE_NEW" if device else "ACCESS_UNUSUAL",
            purpose=LawfulPurpose.ACCESS_SECURITY,
            owner="features",
        ),
    )


def _count(event: EventKind, window: Window, entity: Entity = Entity.PAYER) -> Feature:
    return _feature(event, Statistic.COUNT, window, entity)


def _since(event: EventKind, entity: Entity = Entity.PAYER) -> Feature:
    return _feature(event, Statistic.SINCE_LAST, EVER, entity)


FEATURES: Final = (
    _count(EventKind.LOGIN, hours(24)),
    _since(EventKind.LOGIN),
    _count(EventKind.FAILED_LOGIN, hours(1)),
    _count(EventKind.FAILED_LOGIN, hours(24)),
    _since(EventKind.FAILED_LOGIN),
    _count(EventKind.FAILED_LOGIN, hours(24), Entity.DEVICE),
    _since(EventKind.CREDENTIAL_RESET),
    _since(EventKind.DEVICE_ENROLMENT),
    _since(EventKind.DEVICE_ENROLMENT, Entity.PAYER_DEVICE),
    _since(EventKind.DEVICE_REMOVAL),
)

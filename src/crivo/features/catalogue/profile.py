"""The payer's and the payee's profile: pace, spread, today and tonight, and habits by share."""

from __future__ import annotations

from typing import Final

from crivo.domain.transfer import Initiation
from crivo.features.expression import Field, Value
from crivo.features.lawful import LawfulPurpose
from crivo.features.row import INITIATION_CODES
from crivo.features.spec import (
    NIGHT,
    Card,
    Entity,
    EventKind,
    Feature,
    Filter,
    Measure,
    Statistic,
)
from crivo.features.window import OWN_NIGHT, TODAY, Window, days, hours, minutes

#: From 200 reais on a transfer is traced when it is reported (the funds-recovery interface).
LARGE: Final = Filter("large", Field("amount_centavos") >= 20_000)
BY_HAND: Final = Filter(
    "by_hand", Field("initiation").equals(Value(INITIATION_CODES[Initiation.MANU]))
)
WEEKEND: Final = Filter("weekend", Field("weekday") >= 5)
ON_US: Final = Filter("on_us", Field("payer_ispb").equals(Field("payee_ispb")))

_PACE: Final = {Entity.PAYER: "BURST_OUT", Entity.PAYEE: "PAYEE_FAN_IN"}
_PROFILE: Final = {Entity.PAYER: "AMOUNT_VS_PROFILE", Entity.PAYEE: "PAYEE_FAN_IN"}
_UNITS: Final = {
    Statistic.COUNT: "transfers",
    Statistic.DECAYED_COUNT: "transfers",
    Statistic.SHARE: "share",
    Statistic.Z_SCORE: "standard deviations",
    Statistic.RATIO: "ratio",
}
_WHAT: Final = {
    Statistic.COUNT: "Transfers",
    Statistic.SUM: "Total amount",
    Statistic.MEAN: "Mean amount",
    Statistic.STD: "Standard deviation of the amounts",
    Statistic.RATIO: "The amount over the mean amount",
    Statistic.Z_SCORE: "Distance, in standard deviations, of the amount from the mean",
    Statistic.DECAYED_COUNT: "Transfers, the older the lighter,",
    Statistic.DECAYED_SUM: "Total amount, the older the lighter,",
    Statistic.SHARE: "Share of transfers",
}
_HABITS: Final = {
    "large": "of 200 reais or more",
    "by_hand": "typed by hand",
    "weekend": "made on weekends",
    "on_us": "within one institution",
    "night": "made at night",
}


def _feature(
    entity: Entity, statistic: Statistic, window: Window, condition: Filter | None = None
) -> Feature:
    counts = statistic in (Statistic.COUNT, Statistic.DECAYED_COUNT, Statistic.SHARE)
    span = {TODAY: "since midnight", OWN_NIGHT: "since its night began"}.get(
        window, f"in the {window.name} before"
    )
    habit = "" if condition is None else f" {_HABITS[condition.name]}"
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER if counts else Measure.AMOUNT,
        statistic=statistic,
        window=window,
        filter=condition,
        card=Card(
            meaning=f"{_WHAT[statistic]}{habit} of the {entity.value} {span}.",
            unit=_UNITS.get(statistic, "centavos"),
            null_meaning=_null_meaning(statistic, window),
            leakage="Looks at earlier transfers alone; the amount is part of the request.",
            rationale="What is usual for an account is what the unusual is measured by.",
            reason=_PACE[entity] if counts and condition is None else _PROFILE[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _null_meaning(statistic: Statistic, window: Window) -> str:
    if window == OWN_NIGHT:
        return "It is day, or the window is saturated."
    match statistic:
        case Statistic.COUNT:
            return "Never null: 0 without any."
        case Statistic.SUM | Statistic.DECAYED_COUNT | Statistic.DECAYED_SUM:
            return "The window is saturated."
        case Statistic.Z_SCORE:
            return "The window holds no two different amounts."
        case _:
            return "No transfer in the window."


FEATURES: Final = (
    _feature(Entity.PAYER, Statistic.COUNT, minutes(10)),
    *(_feature(Entity.PAYER, Statistic.COUNT, window) for window in (TODAY, OWN_NIGHT)),
    *(_feature(Entity.PAYER, Statistic.SUM, window) for window in (minutes(10), hours(1))),
    *(_feature(Entity.PAYER, Statistic.SUM, window) for window in (TODAY, OWN_NIGHT, days(30))),
    _feature(Entity.PAYER, Statistic.STD, days(30)),
    *(_feature(Entity.PAYER, Statistic.Z_SCORE, window) for window in (hours(24), days(30))),
    _feature(Entity.PAYER, Statistic.RATIO, hours(24)),
    _feature(Entity.PAYER, Statistic.DECAYED_COUNT, hours(24)),
    _feature(Entity.PAYER, Statistic.DECAYED_SUM, hours(24)),
    *(
        _feature(Entity.PAYER, Statistic.SHARE, days(30), condition)
        for condition in (NIGHT, LARGE, BY_HAND, WEEKEND, ON_US)
    ),
    _feature(Entity.PAYEE, Statistic.COUNT, minutes(10)),
    _feature(Entity.PAYEE, Statistic.COUNT, hours(1)),
    *(_feature(Entity.PAYEE, Statistic.SUM, window) for window in (hours(1), hours(24))),
    _feature(Entity.PAYEE, Statistic.STD, days(30)),
    _feature(Entity.PAYEE, Statistic.Z_SCORE, days(30)),
    _feature(Entity.PAYEE, Statistic.DECAYED_COUNT, hours(24)),
    *(_feature(Entity.PAYEE, Statistic.SHARE, days(30), each) for each in (NIGHT, LARGE)),
)

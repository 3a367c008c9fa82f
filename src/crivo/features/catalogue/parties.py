"""What payer and payee usually do: how often, how much, since when."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER, Window, days, hours

_EARLIER: Final = "Looks at earlier transfers alone; the transfer itself is not counted."

_PACE: Final = {Entity.PAYER: "BURST_OUT", Entity.PAYEE: "PAYEE_FAN_IN"}
_LEVEL: Final = {Entity.PAYER: "AMOUNT_VS_PROFILE", Entity.PAYEE: "PAYEE_FAN_IN"}
_NEW: Final = {Entity.PAYER: "AMOUNT_VS_PROFILE", Entity.PAYEE: "PAYEE_ACCT_NEW"}


def _count(entity: Entity, window: Window) -> Feature:
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=Statistic.COUNT,
        window=window,
        card=Card(
            meaning=f"Transfers of the {entity.value} in the {window.name} before.",
            unit="transfers",
            null_meaning="Never null: 0 without any.",
            leakage=_EARLIER,
            rationale="A sudden pace marks an emptied account, or a mule's account being filled.",
            reason=_PACE[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _amount(entity: Entity, statistic: Statistic, window: Window) -> Feature:
    mean, pays = statistic is Statistic.MEAN, entity is Entity.PAYER
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.AMOUNT,
        statistic=statistic,
        window=window,
        card=Card(
            meaning=f"{'Mean' if mean else 'Total'} amount of the {entity.value}'s transfers in "
            f"the {window.name} before.",
            unit="centavos",
            null_meaning="No transfer in the window." if mean else "The window is saturated.",
            leakage=_EARLIER,
            rationale="What is usual for an account is what an unusual amount is measured by.",
            reason="BURST_OUT" if pays and not mean else _LEVEL[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _first_seen(entity: Entity) -> Feature:
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=Statistic.SINCE_FIRST,
        window=EVER,
        card=Card(
            meaning=f"Time since the {entity.value}'s first transfer ever, at most 400 days.",
            unit="seconds",
            null_meaning=f"This is the {entity.value}'s first transfer.",
            leakage=_EARLIER,
            rationale="New accounts are opened to defraud and to receive.",
            reason=_NEW[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = (
    *(_count(Entity.PAYER, window) for window in (hours(1), hours(24), days(7), days(30))),
    _amount(Entity.PAYER, Statistic.SUM, hours(24)),
    _amount(Entity.PAYER, Statistic.MEAN, days(7)),
    _amount(Entity.PAYER, Statistic.MEAN, days(30)),
    _first_seen(Entity.PAYER),
    *(_count(Entity.PAYEE, window) for window in (hours(24), days(7), days(30))),
    _amount(Entity.PAYEE, Statistic.MEAN, days(7)),
    _amount(Entity.PAYEE, Statistic.MEAN, days(30)),
    _first_seen(Entity.PAYEE),
)

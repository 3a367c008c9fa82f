"""The transfer itself, and its amount against what is usual for its payer and its payee."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import NOW, Window, days

_LEVEL: Final = {Entity.PAYER: "AMOUNT_VS_PROFILE", Entity.PAYEE: "PAYEE_FAN_IN"}


def _ratio(entity: Entity, window: Window) -> Feature:
    return Feature(
        entity=entity,
        event=EventKind.TRANSFER,
        measure=Measure.AMOUNT,
        statistic=Statistic.RATIO,
        window=window,
        card=Card(
            meaning=f"The amount over the mean amount of the {entity.value}'s transfers in the "
            f"{window.name} before.",
            unit="ratio",
            null_meaning=f"The {entity.value} has no transfer in the window.",
            leakage="The mean is of earlier transfers alone; the amount is part of the request.",
            rationale="An amount far above the usual marks a stolen account or a coerced payer.",
            reason=_LEVEL[entity],
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = (
    Feature(
        entity=Entity.TRANSFER,
        event=EventKind.TRANSFER,
        measure=Measure.AMOUNT,
        statistic=Statistic.VALUE,
        window=NOW,
        card=Card(
            meaning="The amount of the transfer.",
            unit="centavos",
            null_meaning="Never null.",
            leakage="Part of the request.",
            rationale="Losses and the policy's bands follow the amount.",
            reason="AMOUNT_VS_PROFILE",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    ),
    _ratio(Entity.PAYER, days(7)),
    _ratio(Entity.PAYER, days(30)),
    _ratio(Entity.PAYEE, days(30)),
)

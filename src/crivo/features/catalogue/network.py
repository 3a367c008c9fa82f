"""Who pays whom: what payer and payee have had to do with each other."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER, days

FEATURES: Final = (
    Feature(
        entity=Entity.PAIR,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=Statistic.COUNT,
        window=days(30),
        card=Card(
            meaning="Transfers of this payer to this payee in the 30 days before.",
            unit="transfers",
            null_meaning="Never null: 0 without any.",
            leakage="Looks at earlier transfers alone.",
            rationale="People rarely defraud themselves through somebody they pay every week.",
            reason="PAYEE_NEW_FOR_PAYER",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    ),
    Feature(
        entity=Entity.PAIR,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=Statistic.SINCE_FIRST,
        window=EVER,
        card=Card(
            meaning="Time since this payer first paid this payee, at most 400 days.",
            unit="seconds",
            null_meaning="The pair is new: this payer never paid this payee before.",
            leakage="Looks at earlier transfers alone.",
            rationale="Most fraud goes to a payee whom the payer never paid before.",
            reason="PAYEE_NEW_FOR_PAYER",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    ),
)

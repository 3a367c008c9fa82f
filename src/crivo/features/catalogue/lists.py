"""Who was entered lately into a list of those who are watched or stopped."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import days

_WHO: Final = {
    Entity.PAYER: "the payer's account",
    Entity.PAYEE: "the payee's account",
    Entity.DEVICE: "the device",
    Entity.PAYEE_KEY: "the payee's key",
    Entity.PAYEE_PERSON: "the payee's person",
}


def _listing(entity: Entity) -> Feature:
    return Feature(
        entity=entity,
        event=EventKind.LISTING,
        measure=Measure.LISTING,
        statistic=Statistic.COUNT,
        window=days(90),
        card=Card(
            meaning=f"How often {_WHO[entity]} was entered into a list of the watched or the "
            "stopped in the 90d before, whether or not it has left since.",
            unit="entries",
            null_meaning="Never null: 0 without any, or where the log is told of none.",
            leakage="An entry counts from when it was made, and once it was told.",
            rationale="What an institution knows of somebody stands in its lists.",
            reason="LISTED",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = tuple(_listing(entity) for entity in _WHO)

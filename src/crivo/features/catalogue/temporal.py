"""When the transfer is made, in Brasília, and how that fits its payer."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import NIGHT, Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import NOW, days, hours


def _of_transfer(measure: Measure, meaning: str, unit: str, rationale: str) -> Feature:
    return Feature(
        entity=Entity.TRANSFER,
        event=EventKind.TRANSFER,
        measure=measure,
        statistic=Statistic.VALUE,
        window=NOW,
        card=Card(
            meaning=meaning,
            unit=unit,
            null_meaning="Never null.",
            leakage="Computed from the transfer's own instant.",
            rationale=rationale,
            reason="HOUR_UNUSUAL",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = (
    _of_transfer(
        Measure.HOUR,
        "The hour of the day in Brasília, 0 to 23.",
        "hour",
        "Fraud and honest use keep different hours.",
    ),
    _of_transfer(
        Measure.WEEKDAY,
        "The weekday in Brasília, Monday = 0.",
        "weekday",
        "Weekends differ from working days.",
    ),
    _of_transfer(
        Measure.NIGHT,
        "1 from 20 h to 6 h in Brasília, else 0.",
        "0 or 1",
        "The night is when the rail's own limits are tighter.",
    ),
    Feature(
        entity=Entity.PAYER,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=Statistic.SINCE_LAST,
        window=hours(24),
        card=Card(
            meaning="Time since the payer's last transfer, if that was within 24 h.",
            unit="seconds",
            null_meaning="The payer made no transfer in the 24 h before.",
            leakage="Looks at earlier transfers alone.",
            rationale="An account is emptied in quick succession.",
            reason="BURST_OUT",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    ),
    Feature(
        entity=Entity.PAYER,
        event=EventKind.TRANSFER,
        measure=Measure.TRANSFER,
        statistic=Statistic.COUNT,
        window=days(30),
        filter=NIGHT,
        card=Card(
            meaning="How many of the payer's transfers of the 30 days before were made at night.",
            unit="transfers",
            null_meaning="Never null: 0 without any.",
            leakage="Looks at earlier transfers alone.",
            rationale="A night transfer is unusual for one payer and usual for another.",
            reason="HOUR_UNUSUAL",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    ),
)

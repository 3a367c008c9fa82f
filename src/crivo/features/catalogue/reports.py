"""What was reported and accepted as fraud by then: labels as features, at the time they came."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import ACCEPTED, Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import Window, days, hours

_KNOWN: Final = "A report counts from the instant it was known, never from its transfer's instant."


def _count(entity: Entity, window: Window) -> Feature:
    role = "paid by" if entity is Entity.PAYER else "paid to"
    return Feature(
        entity=entity,
        event=EventKind.REPORT,
        measure=Measure.REPORT,
        statistic=Statistic.COUNT,
        window=window,
        filter=ACCEPTED,
        card=Card(
            meaning=f"Accepted reports about transfers {role} this {entity.value} that became "
            f"known in the {window.name} before.",
            unit="reports",
            null_meaning="Never null: 0 without any.",
            leakage=_KNOWN,
            rationale="Who defrauded or was defrauded lately is likelier to meet it again.",
            reason=f"{entity.value.upper()}_REPORTED",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _per_transfer(window: Window) -> Feature:
    return Feature(
        entity=Entity.PAYEE,
        event=EventKind.REPORT,
        measure=Measure.REPORT,
        statistic=Statistic.PER_TRANSFER,
        window=window,
        filter=ACCEPTED,
        card=Card(
            meaning=f"The payee's accepted reports that became known in the {window.name} before, "
            "over its transfers in the same window: its rate of fraud as known then.",
            unit="reports per transfer",
            null_meaning="The payee has no transfer in the window.",
            leakage=_KNOWN,
            rationale="One report weighs more on an account that receives little.",
            reason="PAYEE_REPORTED",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = (
    *(_count(Entity.PAYEE, window) for window in (hours(24), days(7), days(30))),
    *(_per_transfer(window) for window in (hours(24), days(7), days(30))),
    *(_count(Entity.PAYER, window) for window in (days(7), days(30))),
)

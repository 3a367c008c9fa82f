"""The account in its other role: what a payee pays on, and what a payer has just received."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import (
    ACCEPTED,
    Card,
    Entity,
    EventKind,
    Feature,
    Filter,
    Measure,
    Statistic,
    VisibleTo,
)
from crivo.features.window import EVER, Window, days, hours

_MULES: Final = "A mule's account pays on, within minutes, what it was paid."


def _feature(
    entity: Entity,
    statistic: Statistic,
    window: Window,
    *,
    meaning: str,
    reason: str,
    measure: Measure = Measure.TRANSFER,
    event: EventKind = EventKind.TRANSFER,
    condition: Filter | None = None,
    unit: str = "transfers",
    null_meaning: str = "Never null: 0 without any.",
    rationale: str = _MULES,
) -> Feature:
    return Feature(
        entity=entity,
        event=event,
        measure=measure,
        statistic=statistic,
        window=window,
        filter=condition,
        card=Card(
            meaning=meaning,
            unit=unit,
            null_meaning=null_meaning,
            leakage="Looks at earlier events alone; a report counts from when it was known.",
            rationale=rationale,
            reason=reason,
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
            visible_to=VisibleTo.RAIL,
        ),
    )


def _of_payee(window: Window) -> tuple[Feature, ...]:
    """What the payee's account paid in a window."""
    span = f"in the {window.name} before"
    return (
        _feature(
            Entity.PAYEE_SENDING,
            Statistic.COUNT,
            window,
            meaning=f"Transfers that the payee's account made {span}.",
            reason="PAYEE_PASS_THROUGH",
        ),
        _feature(
            Entity.PAYEE_SENDING,
            Statistic.SUM,
            window,
            measure=Measure.AMOUNT,
            meaning=f"Total that the payee's account paid {span}.",
            unit="centavos",
            null_meaning="The window is saturated.",
            reason="PAYEE_PASS_THROUGH",
        ),
        _feature(
            Entity.PAYEE,
            Statistic.PASS_THROUGH,
            window,
            measure=Measure.AMOUNT,
            meaning=f"What the payee's account paid over what it received, {span}.",
            unit="ratio",
            null_meaning="The payee received nothing in the window.",
            reason="PAYEE_PASS_THROUGH",
        ),
    )


def _of_payer(window: Window) -> tuple[Feature, ...]:
    """What the payer's account received in a window."""
    span = f"in the {window.name} before"
    return (
        _feature(
            Entity.PAYER_RECEIVING,
            Statistic.COUNT,
            window,
            meaning=f"Transfers that the payer's account received {span}.",
            reason="PAYER_PASS_THROUGH",
        ),
        _feature(
            Entity.PAYER_RECEIVING,
            Statistic.SUM,
            window,
            measure=Measure.AMOUNT,
            meaning=f"Total that the payer's account received {span}.",
            unit="centavos",
            null_meaning="The window is saturated.",
            reason="PAYER_PASS_THROUGH",
        ),
        _feature(
            Entity.PAYER,
            Statistic.PASS_THROUGH,
            window,
            measure=Measure.AMOUNT,
            meaning=f"What the payer's account paid over what it received, {span}.",
            unit="ratio",
            null_meaning="The payer received nothing in the window.",
            reason="PAYER_PASS_THROUGH",
        ),
    )


def _since_last(entity: Entity, meaning: str, null_meaning: str, reason: str) -> Feature:
    return _feature(
        entity,
        Statistic.SINCE_LAST,
        hours(24),
        meaning=meaning,
        unit="seconds",
        null_meaning=null_meaning,
        reason=reason,
    )


FEATURES: Final = (
    *_of_payee(hours(24)),
    *_of_payee(days(7)),
    *_of_payer(hours(24)),
    *_of_payer(days(7)),
    _since_last(
        Entity.PAYEE_SENDING,
        "Time since the payee's account last paid, if that was within 24 h.",
        "The payee's account paid nothing in the 24 h before.",
        "PAYEE_PASS_THROUGH",
    ),
    _since_last(
        Entity.PAYER_RECEIVING,
        "Time since the payer's account was last paid, if that was within 24 h: time to outflow.",
        "The payer's account received nothing in the 24 h before.",
        "PAYER_PASS_THROUGH",
    ),
    _feature(
        Entity.PAYEE_SENDING,
        Statistic.SINCE_FIRST,
        EVER,
        meaning="Time since the payee's account first paid anybody, at most 400 days.",
        unit="seconds",
        null_meaning="The payee's account never paid anybody.",
        rationale="An account that was paid for years and never paid wakes to pass money on.",
        reason="PAYEE_ACCT_NEW",
    ),
    _feature(
        Entity.PAIR_REVERSED,
        Statistic.COUNT,
        days(30),
        meaning="Transfers of this payee to this payer in the 30 days before.",
        rationale="People who pay each other know each other.",
        reason="PAYEE_NEW_FOR_PAYER",
    ),
    _feature(
        Entity.PAYER_RECEIVING,
        Statistic.COUNT,
        days(30),
        measure=Measure.REPORT,
        event=EventKind.REPORT,
        condition=ACCEPTED,
        meaning="Accepted reports about transfers to the payer's account that became known in "
        "the 30 days before.",
        unit="reports",
        rationale="An account that was reported as a receiver is emptied before it is blocked.",
        reason="PAYER_RECEIPTS_REPORTED",
    ),
)

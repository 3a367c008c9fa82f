"""The payer's limits: what stands, how much is used today and tonight, and raises asked for."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER, OWN_NIGHT, TODAY, Window, hours

_NAMES: Final = {EventKind.DAY_LIMIT: "day", EventKind.NIGHT_LIMIT: "night"}


def _limit(event: EventKind) -> Feature:
    name = _NAMES[event]
    return Feature(
        entity=Entity.PAYER,
        event=event,
        measure=Measure(event.value),
        statistic=Statistic.LAST,
        window=EVER,
        card=Card(
            meaning=f"The payer's limit by {name} that is in force.",
            unit="centavos",
            null_meaning="No change of this limit was ever told.",
            leakage="A change counts from when it is in force, and only once it was told.",
            rationale="Fraudsters empty accounts up to their limits (Res. BCB 142/2021).",
            reason="LIMIT_USED",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _used(event: EventKind, window: Window, span: str) -> Feature:
    return Feature(
        entity=Entity.PAYER,
        event=event,
        measure=Measure(event.value),
        statistic=Statistic.USED,
        window=window,
        card=Card(
            meaning=f"What the payer paid {span}, less what was rejected, cancelled or returned of "
            f"it, over the {_NAMES[event]} limit in force.",
            unit="ratio",
            null_meaning="No limit is known, or it is zero, or the window is saturated"
            + (", or it is day." if window == OWN_NIGHT else "."),
            leakage="Earlier attempts alone; what undid one counts once it was told.",
            rationale="Who has used up most of a limit in one go may be a thief in a hurry.",
            reason="LIMIT_USED",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _told(event: EventKind, statistic: Statistic, window: Window, meaning: str) -> Feature:
    is_count = statistic is Statistic.COUNT
    is_raise = event is EventKind.LIMIT_RAISE
    return Feature(
        entity=Entity.PAYER,
        event=event,
        measure=Measure(event.value),
        statistic=statistic,
        window=window,
        card=Card(
            meaning=meaning,
            unit="events" if is_count else "seconds",
            null_meaning="Never null: 0 without any."
            if is_count
            else "There was none, or the log is told of none.",
            leakage="Looks at what was told before the transfer alone.",
            rationale="Limits are raised before an account is emptied."
            if is_raise
            else "Attempts that the rail refuses come before one that it takes.",
            reason="LIMIT_RAISED" if is_raise else "BURST_OUT",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = (
    _limit(EventKind.DAY_LIMIT),
    _limit(EventKind.NIGHT_LIMIT),
    _used(EventKind.DAY_LIMIT, TODAY, "since midnight"),
    _used(EventKind.NIGHT_LIMIT, OWN_NIGHT, "since the account's night began"),
    _told(
        EventKind.LIMIT_RAISE,
        Statistic.SINCE_LAST,
        EVER,
        "Time since the payer last asked for a higher limit, at most 400 days.",
    ),
    _told(
        EventKind.LIMIT_RAISE,
        Statistic.COUNT,
        hours(24),
        "How often the payer asked for a higher limit in the 24h before.",
    ),
    _told(
        EventKind.UNDOING,
        Statistic.COUNT,
        hours(24),
        "The payer's attempts of the 24h before that were rejected, cancelled or returned.",
    ),
)

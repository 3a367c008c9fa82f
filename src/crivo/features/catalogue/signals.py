"""What the payer's device said of itself last, and collections that were asked for."""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import Card, Entity, EventKind, Feature, Measure, Statistic
from crivo.features.window import EVER, Window, hours

_SIGNALS: Final = {
    Measure.REMOTE_ACCESS: "somebody had access from afar",
    Measure.CALL_IN_PROGRESS: "a call was in progress",
    Measure.SCREEN_OVERLAID: "something lay over the screen",
    Measure.MOCK_LOCATION: "the place was a false one",
    Measure.COMPROMISED: "the device was rooted, emulated or not genuine",
    Measure.RECEIVER_MISMATCHED: "the code's receiver was not the merchant shown",
    Measure.PLACE_UNUSUAL: "it was far from where this person pays",
    Measure.LOAN_TAKEN: "a loan had been paid out within the day",
}


def _signal(measure: Measure, what: str) -> Feature:
    return Feature(
        entity=Entity.PAYER,
        event=EventKind.RISK_SIGNALS,
        measure=measure,
        statistic=Statistic.LAST,
        window=EVER,
        card=Card(
            meaning=f"Whether (1) or not (0) {what}, by the payer's newest risk signals.",
            unit="flag",
            null_meaning="The signal was not collected, or the log is told of none.",
            leakage="Signals count from after the instant at which they were collected.",
            rationale="Open Finance's risk signals: who is led or watched as he pays is deceived.",
            reason="ACCESS_UNUSUAL",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _told(
    entity: Entity, event: EventKind, statistic: Statistic, window: Window, meaning: str
) -> Feature:
    is_count = statistic is Statistic.COUNT
    is_signal = event is EventKind.RISK_SIGNALS
    return Feature(
        entity=entity,
        event=event,
        measure=Measure(event.value),
        statistic=statistic,
        window=window,
        card=Card(
            meaning=meaning,
            unit="events" if is_count else "seconds",
            null_meaning="Never null: 0 without any, or where the log is told of none."
            if is_count
            else "There was none, or the log is told of none.",
            leakage="Looks at what was told before the transfer alone.",
            rationale="Old signals say little of now."
            if is_signal
            else "Who collects from many at once, or was just let in, may be a deceiver.",
            reason="ACCESS_UNUSUAL" if is_signal else "PAYEE_FAN_IN",
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


FEATURES: Final = (
    *(_signal(measure, what) for measure, what in _SIGNALS.items()),
    _told(
        Entity.PAYER,
        EventKind.RISK_SIGNALS,
        Statistic.SINCE_LAST,
        EVER,
        "Time since the payer's newest risk signals, at most 400 days.",
    ),
    _told(
        Entity.PAYEE,
        EventKind.AUTHORISATION,
        Statistic.COUNT,
        hours(24),
        "How often the payee asked to collect (Pix Automático), of anybody, in the 24h before.",
    ),
    _told(
        Entity.PAIR,
        EventKind.AUTHORISATION,
        Statistic.SINCE_LAST,
        EVER,
        "Time since this payee last asked to collect from this payer, at most 400 days.",
    ),
)

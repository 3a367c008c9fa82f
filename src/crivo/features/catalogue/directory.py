"""What the directory (DICT) told of the payee's key and person, and how old that is.

Its counters (90 days, sixty months) are values with watermarks and are never recomputed: a feature
reads the newest answer that the log holds, whoever asked.
"""

from __future__ import annotations

from typing import Final

from crivo.features.lawful import LawfulPurpose
from crivo.features.spec import (
    Card,
    Entity,
    EventKind,
    Feature,
    Measure,
    Statistic,
    VisibleTo,
)
from crivo.features.window import EVER, Window, days, hours

_MARKED: Final = "PAYEE_MARKED"
_NEW: Final = "PAYEE_ACCT_NEW"
_NEVER_ASKED: Final = "The directory was never asked about it, or had no data."


def _fact(
    measure: Measure,
    meaning: str,
    unit: str,
    *,
    entity: Entity = Entity.PAYEE_PERSON,
    event: EventKind = EventKind.DICT_STATISTICS,
    reason: str = _MARKED,
    rationale: str = "Other institutions saw the payee before, and the directory counts it.",
) -> Feature:
    return Feature(
        entity=entity,
        event=event,
        measure=measure,
        statistic=Statistic.AGE if unit == "seconds" else Statistic.LAST,
        window=EVER,
        card=Card(
            meaning=meaning,
            unit=unit,
            null_meaning=_NEVER_ASKED,
            leakage="An answer counts from after the instant at which it was given.",
            rationale=rationale,
            reason=reason,
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
        ),
    )


def _age(measure: Measure, meaning: str, entity: Entity = Entity.PAYEE_KEY) -> Feature:
    return _fact(
        measure,
        meaning,
        "seconds",
        entity=entity,
        event=EventKind.DICT_ENTRY,
        reason=_NEW,
        rationale="Keys and accounts for fraud are opened shortly before it.",
    )


def _told(
    entity: Entity,
    event: EventKind,
    statistic: Statistic,
    window: Window,
    meaning: str,
    *,
    reason: str = _MARKED,
    rationale: str = "Who was marked for fraud is likelier to commit it again.",
    visible_to: VisibleTo = VisibleTo.RAIL,
) -> Feature:
    is_count = statistic is Statistic.COUNT
    return Feature(
        entity=entity,
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
            leakage="Counts from the instant of the event, and only once it was told.",
            rationale=rationale,
            reason=reason,
            purpose=LawfulPurpose.FRAUD_PREVENTION,
            owner="features",
            visible_to=visible_to,
        ),
    )


FEATURES: Final = (
    _fact(Measure.RECEIVED_D90, "Transfers that the payee's person received in 90 days.", "count"),
    _fact(Measure.MARKERS_D90, "Fraud markers of the payee's person in 90 days.", "count"),
    _fact(Measure.MARKERS_M60, "Fraud markers of the payee's person in sixty months.", "count"),
    _fact(
        Measure.REPORTERS_M60,
        "Institutions whose reports about the payee's person were accepted in sixty months.",
        "count",
    ),
    _fact(Measure.OPEN_REPORTS, "Reports about the payee's person not yet decided.", "count"),
    _fact(
        Measure.SETTLEMENTS_WATERMARK,
        "Age of the newest count of what the payee's person received.",
        "seconds",
    ),
    _fact(
        Measure.MARKERS_WATERMARK,
        "Age of the newest count of the payee's person's fraud markers.",
        "seconds",
    ),
    _fact(
        Measure.REPORTS_WATERMARK,
        "Age of the newest count of reports about the payee's person.",
        "seconds",
    ),
    _told(
        Entity.PAYEE_PERSON,
        EventKind.DICT_STATISTICS,
        Statistic.COUNT,
        hours(24),
        "How often the directory was asked about the payee's person in the 24h before.",
        reason="PAYEE_FAN_IN",
        rationale="A mule's key is looked up by many at once.",
        visible_to=VisibleTo.PAYER_PSP,
    ),
    _age(Measure.KEY_CREATED, "Age of the payee's key, as the directory last told."),
    _age(
        Measure.KEY_OWNED, "Time for which the payee has had the key, as the directory last told."
    ),
    _age(
        Measure.ACCOUNT_OPENED,
        "Age of the payee's account, as the directory last told.",
        Entity.PAYEE,
    ),
    _told(
        Entity.PAYEE_KEY,
        EventKind.KEY_CLAIM,
        Statistic.SINCE_LAST,
        EVER,
        "Time since the key changed hands or institution by a claim, at most 400 days.",
        reason=_NEW,
        rationale="A key that was claimed lately may have been taken from its owner.",
    ),
    *(
        _told(
            entity,
            EventKind.FRAUD_MARKER,
            Statistic.COUNT,
            days(30),
            f"Fraud markers set on the payee's {name} in the 30d before.",
        )
        for entity, name in ((Entity.PAYEE_PERSON, "person"), (Entity.PAYEE_KEY, "key"))
    ),
    _told(
        Entity.PAYEE_PERSON,
        EventKind.FRAUD_MARKER,
        Statistic.SINCE_LAST,
        EVER,
        "Time since a fraud marker was last set on the payee's person, at most 400 days.",
    ),
    _told(
        Entity.PAYEE_PERSON,
        EventKind.MARKER_CANCELLATION,
        Statistic.COUNT,
        days(30),
        "Fraud markers of the payee's person that were cancelled in the 30d before.",
        rationale="A marker that was set in error says little.",
    ),
    _told(
        Entity.PAYEE,
        EventKind.BLOCK,
        Statistic.COUNT,
        days(30),
        "Precautionary blocks of what the payee received, placed in the 30d before.",
        reason="PAYEE_REPORTED",
        rationale="What was blocked before on an account was found suspicious there.",
        visible_to=VisibleTo.PAYEE_PSP,
    ),
    _told(
        Entity.PAYEE,
        EventKind.BLOCK,
        Statistic.SINCE_LAST,
        EVER,
        "Time since what the payee received was last blocked, at most 400 days.",
        reason="PAYEE_REPORTED",
        rationale="What was blocked before on an account was found suspicious there.",
        visible_to=VisibleTo.PAYEE_PSP,
    ),
)

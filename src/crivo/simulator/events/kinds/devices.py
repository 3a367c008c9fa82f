"""Devices: registered before they pay more than small sums, blocked after a theft, removed."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind, words
from crivo.simulator.events.device_changes import NOTHING, STATUSES, Status
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import event_ids
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.institutions import ISPBS
from crivo.simulator.naming import account_ids, device_ids
from crivo.simulator.people import account_institutions

FACTORS: Final = ("FACE", "CARD_PIN", "BRANCH_CODE")
_FACTOR_STEPS: Final = (620, 940)


def _draw(facts: DayFacts) -> Drawn:
    made = facts.devices.changes
    count = len(made.at)
    draws = facts.draws("devices")
    places = account_institutions(facts.accounts.town, made.accounts)
    told = facts.draws("second factors").below(1000, count)
    factor = np.searchsorted(_FACTOR_STEPS, told, side="right")
    names = words(STATUSES)
    return {
        "change_id": event_ids(b"dve-", draws, count),
        "account": account_ids(facts.seed, made.accounts, places),
        "ispb": words(ISPBS)[places],
        "device": device_ids(facts.seed, made.devices),
        "occurred_at": made.at,
        "received_at": made.at,
        "previous": (names[np.maximum(made.before, 0)], made.before == NOTHING),
        "status": names[made.status],
        "second_factor": (words(FACTORS)[factor], made.status != Status.REGISTERED),
    }


EVENTS: Final = EventKind(
    name="devices",
    stream="pix.devices.v1",
    key="account",
    tier=Tier.DECISION,
    meaning="A device of an account was seen, registered, blocked or removed.",
    source="Res. BCB 403/2024 and IN 491/2024: R$ 200 a transfer without, second factor required.",
    fields=(
        Field("change_id", Kind.TEXT, PAYER, "id of the change"),
        Field("account", Kind.TEXT, PAYER, "for which account"),
        Field("ispb", Kind.WORD, PAYER, "with which institution"),
        Field("device", Kind.TEXT, PAYER, "which device"),
        Field("occurred_at", Kind.INSTANT, PAYER, "when"),
        Field("received_at", Kind.INSTANT, PAYER, "when it was known"),
        Field("previous", Kind.WORD, PAYER, "what it was; null: not known before", nullable=True),
        Field(
            "status", Kind.WORD, PAYER, "SEEN: used, not registered; REGISTERED, BLOCKED, REMOVED"
        ),
        Field("second_factor", Kind.WORD, PAYER, "FACE, CARD_PIN, BRANCH_CODE", nullable=True),
    ),
    draw=_draw,
)

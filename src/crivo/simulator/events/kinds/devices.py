"""Devices that customers register, before they pay more than the small sums allowed without."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind, words
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
    made = facts.devices.registrations
    at = facts.devices.registrations_at
    draws = facts.draws("devices")
    places = account_institutions(facts.accounts.town, made["payer"])
    factor = np.searchsorted(_FACTOR_STEPS, draws.below(1000, len(made)), side="right")
    return {
        "change_id": event_ids(b"dve-", draws, len(made)),
        "account": account_ids(facts.seed, made["payer"], places),
        "ispb": words(ISPBS)[places],
        "device": device_ids(facts.seed, made["device"]),
        "occurred_at": at,
        "received_at": at,
        "status": np.full(len(made), b"REGISTERED"),
        "second_factor": words(FACTORS)[factor],
    }


EVENTS: Final = EventKind(
    name="devices",
    stream="pix.devices.v1",
    key="account",
    tier=Tier.DECISION,
    meaning="A customer registered a device that this account did not use before.",
    source="Res. BCB 403/2024 and IN 491/2024: R$ 200 a transfer without, second factor required.",
    fields=(
        Field("change_id", Kind.TEXT, PAYER, "id of the change"),
        Field("account", Kind.TEXT, PAYER, "for which account"),
        Field("ispb", Kind.WORD, PAYER, "with which institution"),
        Field("device", Kind.TEXT, PAYER, "which device"),
        Field("occurred_at", Kind.INSTANT, PAYER, "when"),
        Field("received_at", Kind.INSTANT, PAYER, "when it was known"),
        Field("status", Kind.WORD, PAYER, "REGISTERED"),
        Field("second_factor", Kind.WORD, PAYER, "FACE, CARD_PIN, BRANCH_CODE"),
    ),
    draw=_draw,
)

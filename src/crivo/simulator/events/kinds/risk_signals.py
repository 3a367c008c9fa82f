"""Risk signals: what the payer's app, or an initiator, collected when somebody was about to pay."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import SECOND
from crivo.simulator.columns import Kind
from crivo.simulator.events import device_facts, risk_signals
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import event_ids
from crivo.simulator.events.timing import lead
from crivo.simulator.events.viewpoint import PAYER
from crivo.simulator.naming import device_ids
from crivo.simulator.rows import NONE

#: So long before the payment they are collected.
_COLLECTED_BEFORE: Final = (200_000, 20 * SECOND)


def _draw(facts: DayFacts) -> Drawn:
    draws = facts.draws("signals collected")
    spans = draws.spans(*_COLLECTED_BEFORE, len(facts.rows))
    every = lead(facts.rows["occurred_at"], facts.day.start, spans)
    seen = np.flatnonzero(facts.rows["device"] != NONE)
    at = every[seen]
    found: Drawn = {
        "signals_id": event_ids(b"sig-", draws, len(facts.rows))[seen],
        "end_to_end_id": facts.ids[seen],
        "account": facts.payer_names[seen],
        "device": device_ids(facts.seed, facts.rows["device"][seen]),
        "occurred_at": at,
        "received_at": at,
        "is_device_registered": facts.devices.is_registered[seen],
    }
    collected = risk_signals.collected(facts)
    return {
        **found,
        **{name: (values[seen], missing[seen]) for name, (values, missing) in collected.items()},
        **device_facts.values(facts, seen, at),
    }


EVENTS: Final = EventKind(
    name="risk_signals",
    stream="pix.devices.v1",
    key="account",
    tier=Tier.DECISION,
    meaning="Signals of a device were collected, moments before a payment from it.",
    source="Open Finance Brasil, device binding; which apps collect what is an assumption.",
    fields=(
        Field("signals_id", Kind.TEXT, PAYER, "id of the collection"),
        Field("end_to_end_id", Kind.TEXT, PAYER, "for which transfer"),
        Field("account", Kind.TEXT, PAYER, "of which account"),
        Field("device", Kind.TEXT, PAYER, "on which device"),
        Field("occurred_at", Kind.INSTANT, PAYER, "when"),
        Field("received_at", Kind.INSTANT, PAYER, "when they were known"),
        Field("is_device_registered", Kind.FLAG, PAYER, "whether it was registered"),
        *risk_signals.FIELDS,
        risk_signals.OVERLAID,
        *device_facts.FIELDS,
    ),
    draw=_draw,
)

"""Requests for automatic payments, and how they ended."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind, words
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.mandates import STATUSES
from crivo.simulator.events.naming import event_ids
from crivo.simulator.events.viewpoint import ALL, BOTH
from crivo.simulator.naming import account_ids
from crivo.simulator.people import account_institutions

FREQUENCIES: Final = ("WEEKLY", "MONTHLY", "YEARLY")
_FREQUENCY_STEPS: Final = (60, 940)


def _draw(facts: DayFacts) -> Drawn:
    asked, town = facts.mandates, facts.accounts.town
    count = len(asked.payers)
    draws = facts.draws("authorisations")
    twice = np.tile(np.arange(count), 2)
    ids = event_ids(b"aut-", draws, count)
    payer_places = account_institutions(town, asked.payers)
    payee_places = account_institutions(town, asked.payees)
    payers = account_ids(facts.seed, asked.payers, payer_places)
    payees = account_ids(facts.seed, asked.payees, payee_places)
    frequency = np.searchsorted(_FREQUENCY_STEPS, draws.below(1000, count), side="right")
    at = np.concatenate([asked.requested_at, asked.ended_at])
    return {
        "authorisation_id": ids[twice],
        "status": words(STATUSES)[np.concatenate([np.zeros(count, dtype=np.int64), asked.ends])],
        "occurred_at": at,
        "received_at": at,
        "payer_account": payers[twice],
        "payee_account": payees[twice],
        "most_centavos": asked.limits[twice],
        "frequency": words(FREQUENCIES)[frequency][twice],
        "is_same_psp": (payer_places == payee_places)[twice],
    }


EVENTS: Final = EventKind(
    name="authorisations",
    stream="pix.limits.v1",
    key="payer_account",
    tier=Tier.DECISION,
    meaning="A business asked to collect automatically; the payer granted, refused or forgot it.",
    source="pain.009 to pain.014 (Pix Automático); shares are assumptions.",
    fields=(
        Field("authorisation_id", Kind.TEXT, ALL, "id of the request, the same in both its events"),
        Field("status", Kind.WORD, ALL, "REQUESTED, then AUTHORISED, REJECTED or EXPIRED"),
        Field("occurred_at", Kind.INSTANT, ALL, "when"),
        Field("received_at", Kind.INSTANT, ALL, "when it was known"),
        Field("payer_account", Kind.TEXT, ALL, "who would pay"),
        Field("payee_account", Kind.TEXT, ALL, "who would collect"),
        Field("most_centavos", Kind.INTEGER, ALL, "at most so much a payment"),
        Field("frequency", Kind.WORD, ALL, "WEEKLY, MONTHLY, YEARLY"),
        Field("is_same_psp", Kind.FLAG, BOTH, "inside one institution"),
    ),
    draw=_draw,
)

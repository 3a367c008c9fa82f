"""Fraud markers: made when a report is accepted."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind, words
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import event_ids, person_ids
from crivo.simulator.events.reported import FRAUD_TYPES
from crivo.simulator.events.timing import soon
from crivo.simulator.events.viewpoint import PAYEE_AND_RAIL
from crivo.simulator.institutions import ISPBS


def _draw(facts: DayFacts) -> Drawn:
    accepted = np.flatnonzero(facts.claims.accepted)
    rows = facts.contested[accepted]
    payees = facts.rows["payee"][rows]
    draws = facts.draws("markers")
    at = facts.claims.settled_at[accepted]
    # Drawn for every claim, so that how one ends does not change the marker of another.
    every = len(facts.contested)
    return {
        "marker_id": event_ids(b"mrk-", draws, every)[accepted],
        "occurred_at": at,
        "received_at": at + soon(draws, 200, 5_000, every)[accepted],
        "person": person_ids(facts.seed, facts.accounts.persons(payees)),
        "key": (facts.payee_keys(rows), facts.by_hand[rows]),
        "reporter_ispb": words(ISPBS)[facts.payer_places[rows]],
        "fraud_type": words(FRAUD_TYPES)[facts.claims.fraud_types[accepted]],
        "status": np.full(len(rows), b"REGISTERED"),
    }


EVENTS: Final = EventKind(
    name="dict_markers",
    stream="pix.dict.v1",
    key="person",
    tier=Tier.LATER,
    meaning="A person and key were marked because a report about them was accepted.",
    source="DICT API 2.12: an agreed report makes a marker; others see a statistic.",
    fields=(
        Field("marker_id", Kind.TEXT, PAYEE_AND_RAIL, "id of the marker"),
        Field("occurred_at", Kind.INSTANT, PAYEE_AND_RAIL, "when it was made"),
        Field("received_at", Kind.INSTANT, PAYEE_AND_RAIL, "when it was known"),
        Field("person", Kind.TEXT, PAYEE_AND_RAIL, "who is marked, by tax id"),
        Field("key", Kind.TEXT, PAYEE_AND_RAIL, "null where paid by hand", nullable=True),
        Field("reporter_ispb", Kind.WORD, PAYEE_AND_RAIL, "whose report was accepted"),
        Field("fraud_type", Kind.WORD, PAYEE_AND_RAIL, "what was concluded"),
        Field("status", Kind.WORD, PAYEE_AND_RAIL, "REGISTERED"),
    ),
    draw=_draw,
)

"""Questions to the directory with its answers: entry, statistics, and how old those are."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind, words
from crivo.simulator.events.entries import answered, entry_fields, entry_values
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import event_ids, person_ids
from crivo.simulator.events.restricted import RESTRICTIONS
from crivo.simulator.events.viewpoint import PAYER_AND_RAIL
from crivo.simulator.institutions import ISPBS
from crivo.simulator.naming import account_ids, keys
from crivo.simulator.people import account_institutions
from crivo.simulator.rows import NONE

ACTIONS: Final = ("NOT_FOUND", "FOUND", "RESTRICTED")


def _draw(facts: DayFacts) -> Drawn:
    asked = facts.look_ups
    count = len(asked.at)
    draws = facts.draws("look-ups")
    idle = asked.rows == NONE
    rows = np.where(idle, 0, asked.rows)
    found = answered(facts)
    keyed = facts.key_claims.names(asked.payees, found.by_code, asked.at)
    unknown = keys(facts.seed, NONE - asked.payees, found.by_code)
    places = account_institutions(facts.accounts.town, asked.payers)
    ids = facts.ids[rows] if len(facts.rows) else np.zeros(count, dtype="S32")
    persons = facts.accounts.persons(asked.payers)
    is_restricted = asked.restrictions != NONE
    return {
        "entry_id": event_ids(b"dlu-", draws, count),
        "occurred_at": asked.at,
        "received_at": asked.at,
        "requesting_ispb": words(ISPBS)[places],
        "payer_person": person_ids(facts.seed, persons),
        "end_to_end_id": (ids, idle),
        "key": np.where(asked.found, keyed, unknown),
        "action": words(ACTIONS)[asked.found.astype(np.int64) + is_restricted],
        "restriction": (words(RESTRICTIONS)[asked.restrictions], ~is_restricted),
        **_owners(facts),
        **entry_values(facts, found),
    }


def _owners(facts: DayFacts) -> Drawn:
    """Whose key it is, null where there is no such key, or it may not be told."""
    payees, unknown = facts.look_ups.payees, ~facts.look_ups.told
    places = account_institutions(facts.accounts.town, payees)
    trades, without = facts.register.trade_names(payees)
    return {
        "dict_ispb": (words(ISPBS)[places], unknown),
        "dict_account": (account_ids(facts.seed, payees, places), unknown),
        "dict_person": (person_ids(facts.seed, facts.accounts.persons(payees)), unknown),
        "dict_owner_name": (facts.register.names(payees), unknown),
        "dict_trade_name": (trades, without | unknown),
    }


EVENTS: Final = EventKind(
    name="dict_look_ups",
    stream="pix.dict.v1",
    key="payer_person",
    tier=Tier.DECISION,
    meaning="The payer's institution asked the directory about a key. Some never paid afterwards.",
    source="DICT API 2.12: none for payments by hand or inside one institution.",
    fields=(
        Field("entry_id", Kind.TEXT, PAYER_AND_RAIL, "id of the question"),
        Field("occurred_at", Kind.INSTANT, PAYER_AND_RAIL, "when it was answered"),
        Field("received_at", Kind.INSTANT, PAYER_AND_RAIL, "when it was known"),
        Field("requesting_ispb", Kind.WORD, PAYER_AND_RAIL, "who asked"),
        Field("payer_person", Kind.TEXT, PAYER_AND_RAIL, "for whom"),
        Field(
            "end_to_end_id", Kind.TEXT, PAYER_AND_RAIL, "the transfer that followed", nullable=True
        ),
        Field("key", Kind.TEXT, PAYER_AND_RAIL, "about which key"),
        Field("action", Kind.WORD, PAYER_AND_RAIL, "FOUND; NOT_FOUND: no such key; RESTRICTED"),
        Field("restriction", Kind.WORD, PAYER_AND_RAIL, "why it may not be told", nullable=True),
        Field("dict_ispb", Kind.WORD, PAYER_AND_RAIL, "who holds the account", nullable=True),
        Field("dict_account", Kind.TEXT, PAYER_AND_RAIL, "the key's account", nullable=True),
        Field("dict_person", Kind.TEXT, PAYER_AND_RAIL, "who has the key", nullable=True),
        Field("dict_owner_name", Kind.TEXT, PAYER_AND_RAIL, "and their name", nullable=True),
        Field("dict_trade_name", Kind.TEXT, PAYER_AND_RAIL, "as a company trades", nullable=True),
        *entry_fields(PAYER_AND_RAIL),
    ),
    draw=_draw,
)

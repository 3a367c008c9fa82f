"""Precautionary blocks: money that the payee's institution credits and freezes, at most 72 h."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.instant import HOUR
from crivo.simulator.blocks import Block
from crivo.simulator.columns import Kind, words
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import event_ids
from crivo.simulator.events.timing import soon
from crivo.simulator.events.viewpoint import PAYEE
from crivo.simulator.institutions import ISPBS

STATUSES: Final = ("PLACED", "RELEASED", "RETURNED")
BLOCK_MAX: Final = 72 * HOUR


def _draw(facts: DayFacts) -> Drawn:
    places = np.flatnonzero(facts.rows["block"] != Block.NONE)
    rows, count = facts.rows[places], len(places)
    draws = facts.draws("blocks")
    twice = np.tile(np.arange(count), 2)
    begun = facts.settlement.at[places] + soon(draws, 200, 2_000, count)
    ended = np.where(rows["block"] == Block.RELEASED, 1, 2)
    at = np.concatenate([begun, rows["block_ended_at"]])
    payers = facts.payer_names[places]
    payees = facts.payee_names[places]
    return {
        "block_id": event_ids(b"blk-", draws, count)[twice],
        "end_to_end_id": facts.ids[places][twice],
        "status": words(STATUSES)[np.concatenate([np.zeros(count, dtype=np.int64), ended])],
        "occurred_at": at,
        "received_at": at,
        "blocked_centavos": rows["amount_centavos"][twice],
        "payer_account": payers[twice],
        "payee_account": payees[twice],
        "payee_ispb": words(ISPBS)[facts.payee_places[places]][twice],
        "transfer_occurred_at": rows["occurred_at"][twice],
        "ends_by": (rows["occurred_at"] + BLOCK_MAX)[twice],
    }


EVENTS: Final = EventKind(
    name="blocks",
    stream="pix.settlements.v1",
    key="payer_account",
    tier=Tier.LATER,
    meaning="The payee's institution froze what it had credited, and released or returned it.",
    source="Res. BCB 147/2021 and 506/2025: at most 72 h, persons and firms.",
    fields=(
        Field("block_id", Kind.TEXT, PAYEE, "id of the block, the same in both its events"),
        Field("end_to_end_id", Kind.TEXT, PAYEE, "what was credited"),
        Field("status", Kind.WORD, PAYEE, "PLACED, then RELEASED or RETURNED"),
        Field("occurred_at", Kind.INSTANT, PAYEE, "when"),
        Field("received_at", Kind.INSTANT, PAYEE, "when it was known"),
        Field("blocked_centavos", Kind.INTEGER, PAYEE, "frozen: all of the transfer"),
        Field("payer_account", Kind.TEXT, PAYEE, "who paid"),
        Field("payee_account", Kind.TEXT, PAYEE, "in which account"),
        Field("payee_ispb", Kind.WORD, PAYEE, "with which institution"),
        Field("transfer_occurred_at", Kind.INSTANT, PAYEE, "instant of the transfer"),
        Field("ends_by", Kind.INSTANT, PAYEE, "72 h after the transfer"),
    ),
    draw=_draw,
)

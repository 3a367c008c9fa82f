"""What became of attempts: settled, rejected with the rail's code, cancelled; and given back."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.simulator.columns import Kind, words
from crivo.simulator.events.about_transfer import about
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.naming import return_ids
from crivo.simulator.events.rejections import REASONS
from crivo.simulator.events.returns import RETURN_REASONS, returns_of
from crivo.simulator.events.timing import soon
from crivo.simulator.events.viewpoint import ALL, BOTH, NOBODY
from crivo.simulator.rows import NONE

STATUSES: Final = ("SETTLED", "REJECTED", "CANCELLED", "RETURNED")
SERVICE_LEVELS: Final = ("PAGPRI", "PAGAGD", "PAGFRD")


def _draw(facts: DayFacts) -> Drawn:
    rows, settlement = facts.rows, facts.settlement
    draws = facts.draws("settlements")
    returns = returns_of(facts)
    count, back = len(rows), len(returns.of)
    every = np.concatenate([np.arange(count, dtype=np.int64), returns.of])
    is_return = np.arange(count + back) >= count
    at = np.concatenate([settlement.at, returns.at])
    reason = np.concatenate([settlement.reason, np.full(back, NONE)])
    rejected = reason != NONE
    return_reason = np.concatenate([np.zeros(count, dtype=np.int64), returns.reason])
    returned = np.concatenate([np.zeros(count, dtype=np.int64), returns.centavos])
    level = np.where(settlement.analysed, 2, settlement.scheduled.astype(np.int64))
    names = np.zeros(count + back, dtype="S32")
    names[count:] = return_ids(facts.seed, facts.ids[returns.of])
    return {
        "end_to_end_id": facts.ids[every],
        "status": words(STATUSES)[np.concatenate([settlement.outcome, np.full(back, 3)])],
        "occurred_at": at,
        "received_at": at + np.concatenate([soon(draws, 5, 250, count), np.full(back, 100_000)]),
        "rejection": (words(REASONS)[np.where(rejected, reason, 0)], ~rejected),
        "return_reason": (words(RETURN_REASONS)[return_reason], ~is_return),
        "return_id": (names, ~is_return),
        "returned_centavos": (returned, ~is_return),
        "service_level": words(SERVICE_LEVELS)[level[every]],
        "amount_centavos": rows["amount_centavos"][every],
        **about(facts, every),
        "is_sent": settlement.sent[every],
    }


EVENTS: Final = EventKind(
    name="settlements",
    stream="pix.settlements.v1",
    key="payer_account",
    tier=Tier.LATER,
    meaning="What the rail did with an attempt, once; and what the payee gave back of it.",
    source="pacs.002 and pacs.004 with the codes of the settlement system's message catalogue.",
    fields=(
        Field("end_to_end_id", Kind.TEXT, ALL, "of the attempt"),
        Field("status", Kind.WORD, ALL, "SETTLED, REJECTED, CANCELLED, RETURNED"),
        Field("occurred_at", Kind.INSTANT, ALL, "when the rail did it"),
        Field("received_at", Kind.INSTANT, ALL, "when it was known"),
        Field("rejection", Kind.WORD, ALL, "code of a rejection", nullable=True),
        Field("return_reason", Kind.WORD, ALL, "code of a return", nullable=True),
        Field("return_id", Kind.TEXT, ALL, "RtrId of a return", nullable=True),
        Field("returned_centavos", Kind.INTEGER, ALL, "how much came back", nullable=True),
        Field("service_level", Kind.WORD, ALL, "of the order; PAGFRD where it was held first"),
        Field("amount_centavos", Kind.INTEGER, ALL, "of the attempt"),
        Field("payer_account", Kind.TEXT, ALL, "of the attempt"),
        Field("payee_account", Kind.TEXT, ALL, "of the attempt"),
        Field("payer_ispb", Kind.WORD, ALL, "of the attempt"),
        Field("payee_ispb", Kind.WORD, ALL, "of the attempt"),
        Field("transfer_occurred_at", Kind.INSTANT, ALL, "instant of the attempt"),
        Field("is_same_psp", Kind.FLAG, BOTH, "it never passed the settlement system"),
        Field("is_sent", Kind.FLAG, NOBODY, "whether others than the payer's institution see it"),
    ),
    draw=_draw,
)

"""Funds recoveries: the money of a contested payment is followed, and what is left comes back."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.funds_recovery import RecoveryStatus
from crivo.domain.instant import MINUTE, SECOND
from crivo.simulator.columns import Kind, words
from crivo.simulator.events.about_transfer import about
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.tracing import RECOVERIES_SINCE
from crivo.simulator.events.viewpoint import ALL, BOTH
from crivo.simulator.naming import report_ids

STATUSES: Final = tuple(RecoveryStatus)
#: The place of the state before each, and -1 where there is none: what is refused is analysed, too.
_BEFORE: Final = (-1, 0, 1, 2, 3, 4, 3)

#: How soon each step follows the one before (assumptions): the money is followed in minutes.
_TRACKED_AFTER: Final = (MINUTE, 20 * MINUTE)
_AWAITED_AFTER: Final = (SECOND, 2 * MINUTE)
_ANALYSED_AFTER: Final = SECOND
_ENDED_AFTER: Final = 5 * MINUTE


def _draw(facts: DayFacts) -> Drawn:
    claims, contested = facts.claims, facts.contested
    draws = facts.draws("recoveries")
    count = len(contested)
    tracked = claims.contested_at + draws.spans(*_TRACKED_AFTER, count)
    awaited = tracked + draws.spans(*_AWAITED_AFTER, count)
    traced = facts.traced(tracked)
    ends = claims.settled_at + _ENDED_AFTER
    times = np.stack(
        [
            claims.contested_at,
            tracked,
            awaited,
            claims.settled_at + _ANALYSED_AFTER,
            ends,
            facts.recovered_at,
            ends,
        ]
    )
    begun = (facts.rows["hop"][contested] <= 1) & (claims.contested_at >= RECOVERIES_SINCE)
    happens = np.repeat(begun[None, :], len(STATUSES), axis=0)
    happens[4:6] &= claims.accepted
    happens[6] &= ~claims.accepted
    step, claim = np.nonzero(happens)
    of = contested[claim]
    rows, ids = facts.rows[of], facts.ids[of]
    statuses = words(STATUSES)
    before = np.asarray(_BEFORE)[step]
    at = times[step, claim]
    return {
        "recovery_id": report_ids(ids, b"5"),
        "end_to_end_id": ids,
        "previous": (statuses[np.maximum(before, 0)], before < 0),
        "status": statuses[step],
        "occurred_at": at,
        "received_at": at,
        "traced_transfers": (traced[claim], step != STATUSES.index(RecoveryStatus.TRACKED)),
        "refunded_centavos": (
            rows["returned_centavos"],
            step != STATUSES.index(RecoveryStatus.COMPLETED),
        ),
        **about(facts, of),
    }


EVENTS: Final = EventKind(
    name="funds_recoveries",
    stream="pix.reports.v1",
    key="payer_account",
    tier=Tier.LATER,
    meaning="The money of a contested payment was followed, and ended where it could.",
    source="DICT API 2.12 (funds recovery): one for each payment that is contested first, "
    "mandatory since 2 February 2026.",
    fields=(
        Field("recovery_id", Kind.TEXT, ALL, "id of the recovery, the same in all its events"),
        Field("end_to_end_id", Kind.TEXT, ALL, "of which transfer"),
        Field("previous", Kind.WORD, ALL, "the state before; null: none", nullable=True),
        Field(
            "status",
            Kind.WORD,
            ALL,
            "CREATED, TRACKED, AWAITING_ANALYSIS, ANALYSED, then CANCELLED, or REFUNDING and "
            "COMPLETED",
        ),
        Field("occurred_at", Kind.INSTANT, ALL, "when"),
        Field("received_at", Kind.INSTANT, ALL, "when it was known"),
        Field(
            "traced_transfers",
            Kind.INTEGER,
            ALL,
            "once tracked: payments found on the money's way",
            nullable=True,
        ),
        Field(
            "refunded_centavos", Kind.INTEGER, ALL, "once completed: what came back", nullable=True
        ),
        Field("payer_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payee_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payer_ispb", Kind.WORD, ALL, "who asks"),
        Field("payee_ispb", Kind.WORD, ALL, "who gives back, or cannot"),
        Field("transfer_occurred_at", Kind.INSTANT, ALL, "instant of the transfer"),
        Field("is_same_psp", Kind.FLAG, BOTH, "inside one institution"),
    ),
    draw=_draw,
)

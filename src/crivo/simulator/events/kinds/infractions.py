"""Infraction reports: the payer's institution tells the payee's, which answers within a week."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.infraction import Analysis, InfractionStatus
from crivo.domain.instant import DAY, MINUTE
from crivo.simulator.columns import Kind, words
from crivo.simulator.events.about_transfer import about
from crivo.simulator.events.claims import SITUATIONS
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.reported import FRAUD_TYPES
from crivo.simulator.events.viewpoint import ALL, BOTH
from crivo.simulator.naming import report_ids

STATUSES: Final = (InfractionStatus.OPEN, InfractionStatus.ACKNOWLEDGED, InfractionStatus.CLOSED)
ANALYSES: Final = (Analysis.AGREED, Analysis.DISAGREED)
_CLOSED: Final = STATUSES.index(InfractionStatus.CLOSED)

#: How soon the payee's institution takes note (an assumption); never after its conclusion.
_ACKNOWLEDGED_AFTER: Final = (5 * MINUTE, DAY)


def _draw(facts: DayFacts) -> Drawn:
    claims, of = facts.claims, facts.contested
    count = len(of)
    rows, ids = facts.rows[of], facts.ids[of]
    spans = facts.draws("infractions").spans(*_ACKNOWLEDGED_AFTER, count)
    noted_at = np.minimum(claims.contested_at + spans, claims.settled_at)
    at = np.concatenate([claims.contested_at, noted_at, claims.settled_at])
    step = np.repeat(np.arange(len(STATUSES)), count)
    claim = np.tile(np.arange(count), len(STATUSES))
    is_open = step != _CLOSED
    accepted = claims.accepted[claim]
    statuses = words(STATUSES)
    return {
        "infraction_id": report_ids(ids, b"4")[claim],
        "end_to_end_id": ids[claim],
        "previous": (statuses[np.maximum(step - 1, 0)], step == 0),
        "status": statuses[step],
        "occurred_at": at,
        "received_at": at,
        "situation": words(SITUATIONS)[facts.situations][claim],
        "analysis": (words(ANALYSES)[np.where(is_open | accepted, 0, 1)], is_open),
        "fraud_type": (words(FRAUD_TYPES)[claims.fraud_types][claim], is_open | ~accepted),
        "infraction_centavos": rows["amount_centavos"][claim],
        **about(facts, of[claim]),
    }


EVENTS: Final = EventKind(
    name="infractions",
    stream="pix.reports.v1",
    key="payer_account",
    tier=Tier.LATER,
    meaning="An infraction report was opened, taken note of, and concluded.",
    source="DICT API 2.12 (infraction reports): at most seven days of analysis.",
    fields=(
        Field("infraction_id", Kind.TEXT, ALL, "id of the report, the same in all its events"),
        Field("end_to_end_id", Kind.TEXT, ALL, "about which transfer"),
        Field("previous", Kind.WORD, ALL, "the state before; null: none", nullable=True),
        Field("status", Kind.WORD, ALL, "OPEN, ACKNOWLEDGED, CLOSED"),
        Field("occurred_at", Kind.INSTANT, ALL, "when"),
        Field("received_at", Kind.INSTANT, ALL, "when it was known"),
        Field("situation", Kind.WORD, ALL, "the victim's view"),
        Field("analysis", Kind.WORD, ALL, "once closed: AGREED or DISAGREED", nullable=True),
        Field("fraud_type", Kind.WORD, ALL, "where agreed: what was concluded", nullable=True),
        Field("infraction_centavos", Kind.INTEGER, ALL, "to be blocked: all of the transfer"),
        Field("payer_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payee_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payer_ispb", Kind.WORD, ALL, "who reports"),
        Field("payee_ispb", Kind.WORD, ALL, "who concludes"),
        Field("transfer_occurred_at", Kind.INSTANT, ALL, "instant of the transfer"),
        Field("is_same_psp", Kind.FLAG, BOTH, "inside one institution"),
    ),
    draw=_draw,
)

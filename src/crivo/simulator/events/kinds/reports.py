"""Claims that a transfer was fraud, and what the payee's institution concluded."""

from __future__ import annotations

from typing import Final

import numpy as np

from crivo.domain.report import ReportStatus
from crivo.simulator.columns import Kind, words
from crivo.simulator.events.claims import SITUATIONS
from crivo.simulator.events.facts import DayFacts
from crivo.simulator.events.kind import Drawn, EventKind, Field, Tier
from crivo.simulator.events.reported import FRAUD_TYPES
from crivo.simulator.events.viewpoint import ALL, BOTH
from crivo.simulator.institutions import ISPBS
from crivo.simulator.naming import report_ids

_STATUSES: Final = (ReportStatus.CLAIMED, ReportStatus.ACCEPTED, ReportStatus.REJECTED)


def _draw(facts: DayFacts) -> Drawn:
    claims, of = facts.claims, facts.contested
    count = len(of)
    rows = facts.rows[of]
    ids = facts.ids[of]
    twice = np.tile(np.arange(count), 2)
    ends = np.where(claims.accepted, 1, 2)
    status = np.concatenate([np.zeros(count, dtype=np.int64), ends])
    at = np.concatenate([claims.contested_at, claims.settled_at])
    undecided = status != 1
    payers = facts.payer_names[of]
    payees = facts.payee_names[of]
    return {
        "report_id": np.concatenate([report_ids(ids, b"1"), report_ids(ids, b"2")]),
        "end_to_end_id": ids[twice],
        "status": words(_STATUSES)[status],
        "occurred_at": at,
        "received_at": at,
        "situation": words(SITUATIONS)[facts.situations][twice],
        "fraud_type": (words(FRAUD_TYPES)[claims.fraud_types][twice], undecided),
        "amount_centavos": rows["amount_centavos"][twice],
        "payer_account": payers[twice],
        "payee_account": payees[twice],
        "payer_ispb": words(ISPBS)[facts.payer_places[of]][twice],
        "transfer_occurred_at": rows["occurred_at"][twice],
        "is_same_psp": facts.same_psp[of][twice],
    }


EVENTS: Final = EventKind(
    name="reports",
    stream="pix.reports.v1",
    key="payer_account",
    tier=Tier.LATER,
    meaning="A claim was made, and later accepted or rejected: labels, late and imperfect.",
    source="DICT API 2.12 (infraction reports); delays and shares as in the world's own reports.",
    fields=(
        Field("report_id", Kind.TEXT, ALL, "id of the step"),
        Field("end_to_end_id", Kind.TEXT, ALL, "about which transfer"),
        Field("status", Kind.WORD, ALL, "CLAIMED, then ACCEPTED or REJECTED"),
        Field("occurred_at", Kind.INSTANT, ALL, "when"),
        Field("received_at", Kind.INSTANT, ALL, "when it was known: the label's `known_at`"),
        Field("situation", Kind.WORD, ALL, "the victim's view"),
        Field("fraud_type", Kind.WORD, ALL, "the receiver's conclusion", nullable=True),
        Field("amount_centavos", Kind.INTEGER, ALL, "of the transfer"),
        Field("payer_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payee_account", Kind.TEXT, ALL, "of the transfer"),
        Field("payer_ispb", Kind.WORD, ALL, "who reported"),
        Field("transfer_occurred_at", Kind.INSTANT, ALL, "instant of the transfer"),
        Field("is_same_psp", Kind.FLAG, BOTH, "inside one institution; reported all the same"),
    ),
    draw=_draw,
)
